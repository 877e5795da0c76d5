-- star/as_of
-- The table as_of_patient: for each state that facts may point to wrongly now, the states of the same
-- member and the days on which each holds.
create temp table as_of_patient on commit drop as
select
    known.patient_key as old_key,
    state.patient_key,
    state.valid_from,
    state.valid_to
from star.member_to_rekey as changed
inner join star.dim_patient as known
    on changed.member_id = known.patient_id and known.source_system = 'hospital'
inner join star.dim_patient as state
    on
        known.patient_id = state.patient_id
        and state.source_system = 'hospital'
        and state.valid_from < state.valid_to
where
    changed.source_system = 'hospital'
    and known.patient_key <> state.patient_key
    and changed.dimension = 'dim_patient';

analyze as_of_patient;

-- star/rekey_fact
-- Points rows of star.fact_procedure to the states of their members as of the day of service, where the load has
-- changed which those are.
-- Few rows: the indexes of their keys lead to them, one member after the other, where the table has such an index.
create temp table concerned on commit drop as
select f.ctid as place
from star.fact_procedure as f
where
    f.patient_key in (select o.old_key from as_of_patient as o);

analyze concerned;

create temp table moved on commit drop as
select
    c.place,
    coalesce(patient.patient_key, f.patient_key) as patient_key
from concerned as c
-- The planner would read the whole table.
cross join lateral (select t.* from star.fact_procedure as t where t.ctid = c.place offset 0) as f
left join as_of_patient as patient
    on
        f.patient_key = patient.old_key
        and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') >= patient.valid_from and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') < patient.valid_to
where
    f.patient_key
    <> patient.patient_key;

analyze moved (place);

update star.fact_procedure as f
set
    patient_key = m.patient_key
from moved as m
where f.ctid = m.place;

drop table concerned, moved;

-- star/fact
-- Fills star.fact_procedure: each record that the load touches, in its latest state.
create temp table fact_version on commit drop as
with calendar as materialized (
    select array_agg(date_key order by date) as date_keys from star.dim_date where date is not null
),

version as (
    select distinct on (v.encounter_id, v.procedure_id, v.started_at)
        v.*,
        greatest(coalesce(v.service_date, date '9999-12-30'), date '1900-01-01') as as_of
    from source_hospital.star_fact_procedure as v
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    where
        (b.state = 'loaded' or b.batch_id = any('{}'::bigint[]))
        and (v.encounter_id, v.procedure_id, v.started_at) in (
            select t.encounter_id, t.procedure_id, t.started_at
            from source_hospital.star_fact_procedure as t
            where t.batch_id = any('{}'::bigint[])
        )
    order by
        v.encounter_id, v.procedure_id, v.started_at,
        b.newness desc, v.row_number desc
)

select
    v.source_system,
    v.encounter_id, v.procedure_id, v.started_at,
    coalesce(
        patient.patient_key, case v.patient_id when 'not applicable' then -2 else -1 end
    ) as patient_key,
    coalesce(
        facility.facility_key, case v.facility_id when 'not applicable' then -2 else -1 end
    ) as facility_key,
    coalesce(
        payer.payer_key, case v.payer_id when 'not applicable' then -2 else -1 end
    ) as payer_key,
    coalesce(
        procedure.procedure_key, case v.procedure_id when 'not applicable' then -2 else -1 end
    ) as procedure_key,
    coalesce(
        diagnosis.diagnosis_key, case v.diagnosis_id when 'not applicable' then -2 else -1 end
    ) as diagnosis_key,
    coalesce((select calendar.date_keys from calendar)[v.service_date - date '1899-12-31'], -1) as service_date_key,
    v.is_restricted,
    v.service_date,
    v.stopped_at,
    v.length_minutes,
    v.base_cost,
    v.batch_id,
    v.row_number
from version as v
left join star.dim_patient as patient
    on
        patient.source_system = 'hospital'
        and v.patient_id = patient.patient_id
        and v.as_of >= patient.valid_from and v.as_of < patient.valid_to
left join star.dim_facility as facility
    on
        facility.source_system = 'hospital'
        and v.facility_id = facility.facility_id
left join star.dim_payer as payer
    on
        payer.source_system = 'hospital'
        and v.payer_id = payer.payer_id
left join star.dim_procedure as procedure
    on
        procedure.source_system = 'hospital'
        and v.procedure_id = procedure.procedure_id
left join star.dim_diagnosis as diagnosis
    on
        diagnosis.source_system = 'hospital'
        and v.diagnosis_id = diagnosis.diagnosis_id;

analyze fact_version;

merge into star.fact_procedure as f
using fact_version as v
    on f.source_system = v.source_system
    and f.encounter_id = v.encounter_id and f.procedure_id = v.procedure_id and f.started_at = v.started_at 
when matched and (f.patient_key, f.facility_key, f.payer_key, f.procedure_key, f.diagnosis_key, f.service_date_key, f.is_restricted, f.service_date, f.stopped_at, f.length_minutes, f.base_cost, f.batch_id, f.row_number) is distinct from (v.patient_key, v.facility_key, v.payer_key, v.procedure_key, v.diagnosis_key, v.service_date_key, v.is_restricted, v.service_date, v.stopped_at, v.length_minutes, v.base_cost, v.batch_id, v.row_number) then
    update set
        patient_key = v.patient_key,
        facility_key = v.facility_key,
        payer_key = v.payer_key,
        procedure_key = v.procedure_key,
        diagnosis_key = v.diagnosis_key,
        service_date_key = v.service_date_key,
        is_restricted = v.is_restricted,
        service_date = v.service_date,
        stopped_at = v.stopped_at,
        length_minutes = v.length_minutes,
        base_cost = v.base_cost,
        batch_id = v.batch_id,
        row_number = v.row_number
        
when not matched then
    insert (source_system, encounter_id, procedure_id, started_at, patient_key, facility_key, payer_key, procedure_key, diagnosis_key, service_date_key, is_restricted, service_date, stopped_at, length_minutes, base_cost, batch_id, row_number)
    values (v.source_system, v.encounter_id, v.procedure_id, v.started_at, v.patient_key, v.facility_key, v.payer_key, v.procedure_key, v.diagnosis_key, v.service_date_key, v.is_restricted, v.service_date, v.stopped_at, v.length_minutes, v.base_cost, v.batch_id, v.row_number);

drop table fact_version;
