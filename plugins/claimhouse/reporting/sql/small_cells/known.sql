-- What the readers of count tables, the temporary table counting_reader, know of the source system {{ source }}: what
-- has ever opened rows to them, whether or not it still does, and the encounters of which they have seen anything.
truncate pg_temp.own_key, pg_temp.own_encounter, pg_temp.restricted, pg_temp.restricted_specialty, pg_temp.person;

insert into pg_temp.own_key (client, kind, key, is_open)
select
    o.client,
    o.kind,
    y.payer_key as key,
    o.is_open
from pg_temp.own_value as o
inner join star.dim_payer as y on o.value = y.payer_name
where o.kind = 'payer' and y.source_system = '{{ source }}'
union all
select
    o.client,
    o.kind,
    v.provider_key as key,
    o.is_open
from pg_temp.own_value as o
inner join star.dim_provider as v on o.value = v.specialty
where o.kind = 'provider_specialty' and v.source_system = '{{ source }}'
union all
select
    o.client,
    o.kind,
    p.procedure_key as key,
    o.is_open
from pg_temp.own_value as o
inner join star.dim_procedure as p on o.value = p.specialty
where o.kind = 'procedure_specialty' and p.source_system = '{{ source }}';
analyze pg_temp.own_key;

insert into pg_temp.person (patient_key, person)
select
    d.patient_key,
    min(d.patient_key) over (partition by d.patient_id) as person
from star.dim_patient as d
where d.source_system = '{{ source }}' and d.patient_key > 0;

-- A part of an encounter tells of the whole.
insert into pg_temp.own_encounter (client, encounter_id)
select
    k.client,
    f.encounter_id
from pg_temp.own_key as k
inner join star.fact_encounter as f on k.key = f.payer_key
where k.kind = 'payer' and f.source_system = '{{ source }}'
union
select
    k.client,
    f.encounter_id
from pg_temp.own_key as k
inner join star.fact_encounter as f on k.key = f.provider_key
where k.kind = 'provider_specialty' and f.source_system = '{{ source }}'
union
select
    o.client,
    f.encounter_id
from pg_temp.own_value as o
inner join star.fact_encounter as f on o.value = f.specialty
where o.kind = 'procedure_specialty' and f.source_system = '{{ source }}'
union
select
    k.client,
    f.encounter_id
from pg_temp.own_key as k
inner join star.fact_procedure as f on k.key = f.payer_key
where k.kind = 'payer' and f.source_system = '{{ source }}'
union
select
    k.client,
    f.encounter_id
from pg_temp.own_key as k
inner join star.fact_procedure as f on k.key = f.procedure_key
where k.kind = 'procedure_specialty' and f.source_system = '{{ source }}';

insert into pg_temp.restricted (encounter_id, specialty, number)
select
    r.encounter_id,
    max(r.specialty) as specialty,
    null as number
from security.restricted_encounter as r
where r.source_system = '{{ source }}'
group by r.encounter_id;

-- The number 0 is for what is not restricted.
insert into pg_temp.restricted_specialty (specialty, number)
select
    q.specialty,
    rank() over (order by q.specialty) - 1 as number
from (
    select '' as specialty
    union
    select r.specialty
    from pg_temp.restricted as r
    union
    select p.specialty
    from star.dim_procedure as p
    where p.is_restricted and p.source_system = '{{ source }}'
) as q
where q.specialty is not null;
update pg_temp.restricted as r
set number = s.number
from pg_temp.restricted_specialty as s
where r.specialty = s.specialty;
analyze pg_temp.own_encounter, pg_temp.restricted, pg_temp.person;
