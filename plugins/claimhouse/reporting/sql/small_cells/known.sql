-- noqa: disable=LT02,LT05,ST06
-- The conditions are laid out as written, not as rendered.
-- What each reader knows already, as temporary tables: what has ever opened rows to it, whether or not it still
-- does, and the encounters of which it has seen anything.
create temporary table if not exists own_value (
    client text, source_system text, kind text, value text, is_open boolean
) on commit drop;
create temporary table if not exists own_key (client text, kind text, key bigint, is_open boolean) on commit drop;
create temporary table if not exists own_encounter (client text, source_system text, encounter_id text) on commit drop;
create temporary table if not exists restricted (
    source_system text, encounter_id text, specialty text
) on commit drop;
-- Whom the count table is for that is being counted: small_cells/readers.
create temporary table if not exists counting_reader (client text, source_system text) on commit drop;
truncate pg_temp.own_value, pg_temp.own_key, pg_temp.own_encounter, pg_temp.restricted, pg_temp.counting_reader;

insert into pg_temp.own_value (client, source_system, kind, value, is_open)
select
    h.client,
    h.source_system,
    h.kind,
    h.value,
    bool_or(h.valid_to > now()) as is_open
from security.entitlement_history as h
where h.kind in ('payer', 'provider_specialty', 'procedure_specialty')
group by h.client, h.source_system, h.kind, h.value;

insert into pg_temp.own_key (client, kind, key, is_open)
select
    o.client,
    o.kind,
    y.payer_key as key,
    o.is_open
from pg_temp.own_value as o
inner join star.dim_payer as y on o.source_system = y.source_system and o.value = y.payer_name
where o.kind = 'payer'
union all
select
    o.client,
    o.kind,
    v.provider_key as key,
    o.is_open
from pg_temp.own_value as o
inner join star.dim_provider as v on o.source_system = v.source_system and o.value = v.specialty
where o.kind = 'provider_specialty'
union all
select
    o.client,
    o.kind,
    p.procedure_key as key,
    o.is_open
from pg_temp.own_value as o
inner join star.dim_procedure as p on o.source_system = p.source_system and o.value = p.specialty
where o.kind = 'procedure_specialty';
analyze pg_temp.own_value, pg_temp.own_key;

-- A part of an encounter tells of the whole.
insert into pg_temp.own_encounter (client, source_system, encounter_id)
select
    k.client,
    f.source_system,
    f.encounter_id
from pg_temp.own_key as k
inner join star.fact_encounter as f on k.key = f.payer_key
where k.kind = 'payer'
union
select
    k.client,
    f.source_system,
    f.encounter_id
from pg_temp.own_key as k
inner join star.fact_encounter as f on k.key = f.provider_key
where k.kind = 'provider_specialty'
union
select
    o.client,
    f.source_system,
    f.encounter_id
from pg_temp.own_value as o
inner join star.fact_encounter as f on o.source_system = f.source_system and o.value = f.specialty
where o.kind = 'procedure_specialty'
union
select
    k.client,
    f.source_system,
    f.encounter_id
from pg_temp.own_key as k
inner join star.fact_procedure as f on k.key = f.payer_key
where k.kind = 'payer'
union
select
    k.client,
    f.source_system,
    f.encounter_id
from pg_temp.own_key as k
inner join star.fact_procedure as f on k.key = f.procedure_key
where k.kind = 'procedure_specialty';

insert into pg_temp.restricted (source_system, encounter_id, specialty)
select
    r.source_system,
    r.encounter_id,
    max(r.specialty) as specialty
from security.restricted_encounter as r
group by r.source_system, r.encounter_id;
analyze pg_temp.own_encounter, pg_temp.restricted;

-- The rows that count tables count, once for each reader. is_own: the reader may read the row today. is_known: it may
-- read it, or could once, or may read another part of the same encounter.
{% macro in_keys(kind, key, is_open) -%}
    (c.client, f.{{ key }}) in (
        select
            k.client,
            k.key
        from pg_temp.own_key as k
        where k.kind = '{{ kind }}'{% if is_open %} and k.is_open{% endif %}
    )
{%- endmacro %}
create or replace temporary view row_of_fact_encounter as
select
    c.client,
    {{ in_keys("payer", "payer_key", true) }}
    or {{ in_keys("provider_specialty", "provider_key", true) }}
    or coalesce(
        (c.client, f.source_system, f.specialty) in (
            select
                v.client,
                v.source_system,
                v.value
            from pg_temp.own_value as v
            where v.kind = 'procedure_specialty' and v.is_open
        ),
        false
    ) as is_own,
    o.encounter_id is not null as is_known,
    coalesce(s.specialty, '') as restricted_specialty,
    f.*
from pg_temp.counting_reader as c
inner join star.fact_encounter as f on c.source_system = f.source_system
left join pg_temp.own_encounter as o
    on c.client = o.client and f.source_system = o.source_system and f.encounter_id = o.encounter_id
left join pg_temp.restricted as s on f.source_system = s.source_system and f.encounter_id = s.encounter_id;

create or replace temporary view row_of_fact_procedure as
select
    c.client,
    {{ in_keys("payer", "payer_key", true) }}
    or {{ in_keys("procedure_specialty", "procedure_key", true) }} as is_own,
    o.encounter_id is not null as is_known,
    coalesce(s.specialty, '') as restricted_specialty,
    f.*
from pg_temp.counting_reader as c
inner join star.fact_procedure as f on c.source_system = f.source_system
left join pg_temp.own_encounter as o
    on c.client = o.client and f.source_system = o.source_system and f.encounter_id = o.encounter_id
left join pg_temp.restricted as s on f.source_system = s.source_system and f.encounter_id = s.encounter_id;

create or replace temporary view row_of_fact_claim as
select
    c.client,
    {{ in_keys("payer", "payer_key", true) }}
    or {{ in_keys("provider_specialty", "provider_key", true) }}
    or {{ in_keys("procedure_specialty", "procedure_key", true) }} as is_own,
    {{ in_keys("payer", "payer_key", false) }}
    or {{ in_keys("provider_specialty", "provider_key", false) }}
    or {{ in_keys("procedure_specialty", "procedure_key", false) }} as is_known,
    case when p.is_restricted then p.specialty else '' end as restricted_specialty,
    f.*
from pg_temp.counting_reader as c
inner join star.fact_claim as f on c.source_system = f.source_system
inner join star.dim_procedure as p on f.procedure_key = p.procedure_key;

{% for fact in facts -%}
create or replace temporary view others_{{ fact }} as
select * from pg_temp.row_of_{{ fact }} where not is_known;

create or replace temporary view own_and_others_{{ fact }} as
select * from pg_temp.row_of_{{ fact }} where is_own or not is_known;

{% endfor -%}
