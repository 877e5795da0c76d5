-- The newest version of each encounter. It is restricted if its own code or any of its procedures is.
-- Its specialty is one of those of its code and its procedures: a restricted one if there is one, or else the one with
-- the lowest rank in include/reference/specialty.csv, or else the one that cost most (the encounter's base cost counts
-- for its own code), or else the first in the alphabet.
-- A procedure that arrives later changes its encounter.
with treated as (
    select
        encounter_id,
        code,
        base_encounter_cost as cost,
        batch_id,
        row_number
    from source_hospital.encounters_current
    union all
    select
        encounter_id,
        code,
        base_cost as cost,
        batch_id,
        row_number
    from source_hospital.procedures_current
),

candidate as (
    select
        treated.encounter_id,
        coalesce(code.specialty, 'general') as specialty,
        coalesce(bool_or(code.is_restricted), false) as is_restricted,
        sum(treated.cost) as cost,
        max(array[batch.load_number, treated.batch_id, treated.row_number]) as loaded_last
    from treated
    inner join landing.batch_order as batch on treated.batch_id = batch.batch_id
    left join star.dim_procedure as code
        on code.source_system = 'hospital' and treated.code = code.procedure_id
    group by treated.encounter_id, coalesce(code.specialty, 'general')
),

summed_up as (
    select
        candidate.encounter_id,
        (
            array_agg(
                candidate.specialty
                order by
                    candidate.is_restricted desc,
                    specialty.rank::integer asc,
                    candidate.cost desc,
                    candidate.specialty asc
            )
        )[1] as specialty,
        bool_or(candidate.is_restricted) as is_restricted,
        max(candidate.loaded_last) as loaded_last
    from candidate
    left join reference.specialty as specialty on candidate.specialty = specialty.specialty
    group by candidate.encounter_id
)

select
    'hospital' as source_system,
    encounter.encounter_id,
    encounter.patient_id,
    encounter.organization_id as facility_id,
    encounter.payer_id,
    encounter.code as procedure_id,
    encounter.reason_code as diagnosis_id,
    encounter.encounter_class,
    (encounter.started_at at time zone 'UTC')::date as service_date,
    summed_up.specialty,
    summed_up.is_restricted,
    encounter.started_at,
    encounter.stopped_at,
    -- no length where it ends before it starts
    case
        when encounter.stopped_at >= encounter.started_at
            then round(extract(epoch from encounter.stopped_at - encounter.started_at) / 60)::integer
    end as length_minutes,
    encounter.base_encounter_cost as base_cost,
    encounter.total_claim_cost,
    encounter.payer_coverage,
    encounter.total_claim_cost - encounter.payer_coverage as patient_share,
    summed_up.loaded_last[2] as batch_id,
    summed_up.loaded_last[3] as row_number
from source_hospital.encounters_current as encounter
inner join summed_up on encounter.encounter_id = summed_up.encounter_id
