-- noqa: disable=LT02,LT05,ST06
-- The conditions are laid out as written, not as rendered.
-- Temporary tables of what each reader knows already, which small_cells/known fills for one source system, and the
-- views that count tables read.
create temporary table if not exists own_value (client text, kind text, value text, is_open boolean) on commit drop;
create temporary table if not exists own_key (client text, kind text, key bigint, is_open boolean) on commit drop;
-- The encounters of which a reader has seen anything.
create temporary table if not exists own_encounter (client text, encounter_id text) on commit drop;
create temporary table if not exists restricted (encounter_id text, specialty text, number integer) on commit drop;
create temporary table if not exists restricted_specialty (specialty text, number integer) on commit drop;
-- The keys of a patient, who has one for each residence, and the first of them, which stands for the person.
create temporary table if not exists person (patient_key bigint, person bigint) on commit drop;

-- The rows that count tables count, once for each reader. is_own: the reader may read the row today. is_known: it may
-- read it, or could once, or may read another part of the same encounter. person: the patient, NULL where unknown.
-- table_number: stands for client, source_system and restricted_specialty, which counted_table has.
{% macro in_keys(kind, key, is_open) -%}
    (c.client, f.{{ key }}) in (
        select
            k.client,
            k.key
        from pg_temp.own_key as k
        where k.kind = '{{ kind }}'{% if is_open %} and k.is_open{% endif %}
    )
{%- endmacro %}
{% macro table_number(restricted) -%}
c.number::bigint << 32 | {{ restricted }}
{%- endmacro %}
create or replace temporary view counted_table as
select
    {{ table_number("s.number") }} as table_number,
    c.client,
    c.source_system,
    s.specialty as restricted_specialty
from pg_temp.counting_reader as c
cross join pg_temp.restricted_specialty as s;

create or replace temporary view row_of_fact_encounter as
select
    c.client,
    {{ in_keys("payer", "payer_key", true) }}
    or {{ in_keys("provider_specialty", "provider_key", true) }}
    or coalesce(
        (c.client, f.specialty) in (
            select
                v.client,
                v.value
            from pg_temp.own_value as v
            where v.kind = 'procedure_specialty' and v.is_open
        ),
        false
    ) as is_own,
    o.encounter_id is not null as is_known,
    coalesce(s.specialty, '') as restricted_specialty,
    {{ table_number("coalesce(s.number, 0)") }} as table_number,
    n.person,
    f.*
from pg_temp.counting_reader as c
inner join star.fact_encounter as f on c.source_system = f.source_system
left join pg_temp.person as n on f.patient_key = n.patient_key
left join pg_temp.own_encounter as o on c.client = o.client and f.encounter_id = o.encounter_id
left join pg_temp.restricted as s on f.encounter_id = s.encounter_id;

create or replace temporary view row_of_fact_procedure as
select
    c.client,
    {{ in_keys("payer", "payer_key", true) }}
    or {{ in_keys("procedure_specialty", "procedure_key", true) }} as is_own,
    o.encounter_id is not null as is_known,
    coalesce(s.specialty, '') as restricted_specialty,
    {{ table_number("coalesce(s.number, 0)") }} as table_number,
    n.person,
    f.*
from pg_temp.counting_reader as c
inner join star.fact_procedure as f on c.source_system = f.source_system
left join pg_temp.person as n on f.patient_key = n.patient_key
left join pg_temp.own_encounter as o on c.client = o.client and f.encounter_id = o.encounter_id
left join pg_temp.restricted as s on f.encounter_id = s.encounter_id;

create or replace temporary view row_of_fact_claim as
select
    c.client,
    {{ in_keys("payer", "payer_key", true) }}
    or {{ in_keys("provider_specialty", "provider_key", true) }}
    or {{ in_keys("procedure_specialty", "procedure_key", true) }} as is_own,
    {{ in_keys("payer", "payer_key", false) }}
    or {{ in_keys("provider_specialty", "provider_key", false) }}
    or {{ in_keys("procedure_specialty", "procedure_key", false) }} as is_known,
    s.specialty as restricted_specialty,
    {{ table_number("s.number") }} as table_number,
    n.person,
    f.*
from pg_temp.counting_reader as c
inner join star.fact_claim as f on c.source_system = f.source_system
left join pg_temp.person as n on f.patient_key = n.patient_key
inner join star.dim_procedure as p on f.procedure_key = p.procedure_key
inner join pg_temp.restricted_specialty as s on case when p.is_restricted then p.specialty else '' end = s.specialty;

{% for fact in facts -%}
create or replace temporary view others_{{ fact }} as
select * from pg_temp.row_of_{{ fact }} where not is_known;

create or replace temporary view own_and_others_{{ fact }} as
select * from pg_temp.row_of_{{ fact }} where is_own or not is_known;

{% endfor -%}
