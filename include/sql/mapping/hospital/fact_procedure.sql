-- The newest version of each procedure, with the payer and place of its encounter. It is restricted if any procedure of
-- its encounter or the encounter's own code is: a reader who may not see the one must not infer it from the others.
-- Whatever arrives for an encounter therefore changes all its procedures.
with treated as (
    select
        encounter_id,
        code,
        batch_id,
        row_number
    from source_hospital.encounters_current
    union all
    select
        encounter_id,
        code,
        batch_id,
        row_number
    from source_hospital.procedures_current
),

summed_up as (
    select
        treated.encounter_id,
        coalesce(bool_or(code.is_restricted), false) as is_restricted,
        max(array[batch.load_number, treated.batch_id, treated.row_number]) as loaded_last
    from treated
    inner join landing.batch_order as batch on treated.batch_id = batch.batch_id
    left join star.dim_procedure as code
        on code.source_system = 'hospital' and treated.code = code.procedure_id
    group by treated.encounter_id
)

select
    'hospital' as source_system,
    procedure.encounter_id,
    procedure.code as procedure_id,
    procedure.started_at,
    procedure.patient_id,
    encounter.organization_id as facility_id,
    encounter.payer_id,
    procedure.reason_code as diagnosis_id,
    (procedure.started_at at time zone 'UTC')::date as service_date,
    summed_up.is_restricted,
    procedure.stopped_at,
    -- no length where it ends before it starts
    case
        when procedure.stopped_at >= procedure.started_at
            then round(extract(epoch from procedure.stopped_at - procedure.started_at) / 60)::integer
    end as length_minutes,
    procedure.base_cost,
    summed_up.loaded_last[2] as batch_id,
    summed_up.loaded_last[3] as row_number
from source_hospital.procedures_current as procedure
inner join summed_up on procedure.encounter_id = summed_up.encounter_id
left join source_hospital.encounters_current as encounter on procedure.encounter_id = encounter.encounter_id
