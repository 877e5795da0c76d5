-- noqa: disable=AM09,LT02,LT05,ST05 (the lists are laid out as written, not as rendered)
-- The temporary table classes: the facts added up by what opens them to audiences and what hides them. Where it is
-- known what changed: the affected facts as they are, and as they were with the direction -1.
{% import "reporting/sql/editions/fields.jinja" as list -%}
drop table if exists pg_temp.classes, pg_temp.now_facts, pg_temp.was_restricted, pg_temp.class_restricted;
{%- macro dim(table, scope) -%}
{{ "was_" ~ table if scope == "was" and table in changed_dimensions else "star." ~ table }}
{%- endmacro %}
{%- if is_moved %}
-- The offsets keep these look-ups by key, whatever the statistics say.
create temporary table now_facts on commit drop as
select f.*
from affected_{{ fact }} as a
cross join lateral (
    select s.*
    from star.{{ fact }} as s
    where ({{ list.of("s", pk) }}) = ({{ list.of("a", pk) }})
    offset 0
) as f
where f.source_system = '{{ source }}';
analyze now_facts;
{%- if of_encounters %}
-- What security.restricted_encounter said of these encounters.
create temporary table was_restricted on commit drop as
with encounter as (
    select a.encounter_id
    from affected_{{ fact }} as a
    union
    select w.encounter_id
    from was_{{ fact }} as w
),

was as (
    {%- for table in ("fact_procedure", "fact_encounter") %}
    {%- set key = "procedure_id, i.started_at" if table == "fact_procedure" else "encounter_id" %}
    select
        f.encounter_id,
        f.procedure_key,
        {{ "f.is_restricted" if table == "fact_encounter" else "false as is_restricted" }},
        {{ "f.specialty" if table == "fact_encounter" else "null::text as specialty" }}
    from encounter as e
    cross join lateral (
        select s.*
        from star.{{ table }} as s
        where s.encounter_id = e.encounter_id and s.source_system = '{{ source }}'
        offset 0
    ) as f
    where
        not exists (
            select
            from change.{{ table }} as i
            where
                i.source_system = '{{ source }}' and i.encounter_id = f.encounter_id
                {%- if table == "fact_procedure" %}
                and i.procedure_id = f.procedure_id and i.started_at = f.started_at
                {%- endif %}
        )
    union all
    select
        i.encounter_id,
        i.procedure_key,
        {{ "i.is_restricted" if table == "fact_encounter" else "false" }},
        {{ "i.specialty" if table == "fact_encounter" else "null" }}
    from encounter as e
    inner join change.{{ table }} as i
        on e.encounter_id = i.encounter_id and i.source_system = '{{ source }}' and i.existed
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select
    w.encounter_id,
    w.specialty
from was as w
where w.is_restricted
union
select
    w.encounter_id,
    p.specialty
from was as w
inner join {{ dim("dim_procedure", "was") }} as p on w.procedure_key = p.procedure_key
where p.is_restricted;
{%- endif %}
{%- endif %}
{%- macro added_up(rows, scope, direction) %}
select
    {{ direction }} as direction,
    {{ "class_payer.payer_name" if "payer" in opened_by else "null::text as payer_name" }},
    {{ "class_provider.specialty" if "provider_specialty" in opened_by else "null::text" }} as provider_specialty,
    {% if fact == "fact_encounter" -%}
    {{ fact }}.specialty
    {%- else -%}
    {{ "class_procedure.specialty" if "procedure_specialty" in opened_by else "null::text" }}
    {%- endif %} as procedure_specialty,
    array[]::text[]
    {%- if of_encounters %} || coalesce(class_restricted.specialties, '{}'){% endif %}
    {%- if fact == "fact_procedure" %}
    || case when {{ fact }}.is_restricted and class_restricted.specialties is null then '{!}'::text[] else '{}' end
    {%- endif %}
    {%- if "procedure_specialty" in opened_by and fact != "fact_encounter" %}
    || case when class_procedure.is_restricted then array[coalesce(class_procedure.specialty, '')] else '{}' end
    {%- endif %} as restricted
    {%- for aggregate in aggregates %},
    coalesce({{ aggregate }}, 0)::numeric as v_{{ loop.index }}
    {%- endfor %}
from {{ rows }} as {{ fact }}
{%- if "payer" in opened_by %}
left join {{ dim("dim_payer", scope) }} as class_payer
    on {{ fact }}.payer_key = class_payer.payer_key and class_payer.source_system = '{{ source }}'
{%- endif %}
{%- if "provider_specialty" in opened_by %}
left join {{ dim("dim_provider", scope) }} as class_provider
    on {{ fact }}.provider_key = class_provider.provider_key and class_provider.source_system = '{{ source }}'
{%- endif %}
{%- if "procedure_specialty" in opened_by and fact != "fact_encounter" %}
left join {{ dim("dim_procedure", scope) }} as class_procedure
    on {{ fact }}.procedure_key = class_procedure.procedure_key and class_procedure.source_system = '{{ source }}'
{%- endif %}
{%- if of_encounters %}
left join (
    select
        h.encounter_id,
        array_agg(distinct coalesce(h.specialty, '')) as specialties
    from {{ "was_restricted" if scope == "was" else "publication_restricted" }} as h
    group by h.encounter_id
) as class_restricted on {{ fact }}.encounter_id = class_restricted.encounter_id
{%- endif %}
{%- for join in joins %}
left join {{ dim(join.table, scope) }} as {{ join.table }} on {{ fact }}.{{ join.key }} = {{ join.table }}.{{ join.key }}
{%- endfor %}
where {{ fact }}.source_system = '{{ source }}'
group by 2, 3, 4, 5
{%- endmacro %}
create temporary table classes on commit drop as
{%- if is_moved %}
{{- added_up("now_facts", "affected", 1) }}
union all
{{- added_up("was_" ~ fact, "was", -1) }}
{%- else %}
{{- added_up("star." ~ fact, "all", 1) }}
{%- endif %};
