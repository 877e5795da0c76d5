-- Which patients of the clinics may not come back? Those whose last two appointments were both no-shows, and those
-- whose last survey had a low score. Change the highest low score below.
--
-- The last two are those with the latest times, whatever became of them: a patient who missed one and canceled the next
-- does not count, nor does one with a single appointment. The last survey is that of the latest visit with a score.
-- Appointments and visits without a patient do not count.
with rule as (
    select 2 as low_score
),

appointment as (
    select
        patient.source_system,
        patient.patient_id,
        fact.scheduled_at,
        fact.no_show_count,
        row_number() over (
            partition by patient.source_system, patient.patient_id
            order by fact.scheduled_at desc, fact.appointment_id desc
        ) as newest_first
    from star.fact_appointment as fact
    inner join star.dim_patient as patient on fact.patient_key = patient.patient_key
    where patient.patient_key > 0
),

missed as (
    select
        source_system,
        patient_id,
        max(scheduled_at) as last_appointment_at
    from appointment
    where newest_first <= 2
    group by source_system, patient_id
    having sum(no_show_count) = 2
),

survey as (
    select distinct on (patient.source_system, patient.patient_id)
        patient.source_system,
        patient.patient_id,
        fact.service_date as last_survey_visit_date,
        fact.satisfaction_score as last_score
    from star.fact_survey as fact
    inner join star.dim_patient as patient on fact.patient_key = patient.patient_key
    where patient.patient_key > 0 and fact.satisfaction_score is not null
    order by patient.source_system asc, patient.patient_id asc, fact.service_date desc, fact.encounter_id desc
),

unhappy as (
    select survey.*
    from survey
    inner join rule on survey.last_score <= rule.low_score
)

select
    patient.source_system,
    patient.patient_id,
    patient.age_group,
    patient.payer_type,
    patient.city,
    patient.state,
    missed.patient_id is not null as has_missed_last_two,
    unhappy.patient_id is not null as has_low_last_score,
    missed.last_appointment_at,
    unhappy.last_survey_visit_date,
    unhappy.last_score
from star.dim_patient as patient
left join missed
    on patient.source_system = missed.source_system and patient.patient_id = missed.patient_id
left join unhappy
    on patient.source_system = unhappy.source_system and patient.patient_id = unhappy.patient_id
where patient.is_current and (missed.patient_id is not null or unhappy.patient_id is not null)
order by patient.source_system, patient.patient_id
