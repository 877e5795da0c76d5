{% from "macros.jinja" import fact with context %}
-- How many patients may not come back: their last two appointments were both no-shows, or their last survey had a score
-- of 2 or less. Each patient counts once, with the clinic of the last appointment, or else of the last survey, and with
-- the newest payer type; both are named as in the metrics, so that a filter finds the same. Counts are not suppressed:
-- the readers are responsible for these clinics.
with appointment as (
    select
        d.source_system,
        d.patient_id,
        f.facility_key,
        f.no_show_count,
        row_number() over (
            partition by d.source_system, d.patient_id order by f.scheduled_at desc, f.appointment_id desc
        ) as newest_first
    from {{ fact("fact_appointment") }} as f
    inner join star.dim_patient as d on f.patient_key = d.patient_key
    where d.patient_key > 0
),

came as (
    select
        a.source_system,
        a.patient_id,
        max(a.facility_key) filter (where a.newest_first = 1) as facility_key,
        sum(a.no_show_count) filter (where a.newest_first <= 2) = 2 as has_missed_last_two
    from appointment as a
    group by a.source_system, a.patient_id
),

answer as (
    select distinct on (d.source_system, d.patient_id)
        d.source_system,
        d.patient_id,
        f.facility_key,
        f.satisfaction_score <= 2 as has_low_last_score
    from {{ fact("fact_survey") }} as f
    inner join star.dim_patient as d on f.patient_key = d.patient_key
    where d.patient_key > 0 and f.satisfaction_score is not null
    order by d.source_system asc, d.patient_id asc, f.service_date desc, f.encounter_id desc
),

patient as (
    select
        d.source_system,
        d.payer_type,
        coalesce(c.facility_key, a.facility_key) as facility_key,
        coalesce(c.has_missed_last_two, false) as has_missed_last_two,
        coalesce(a.has_low_last_score, false) as has_low_last_score
    from star.dim_patient as d
    left join came as c on d.source_system = c.source_system and d.patient_id = c.patient_id
    left join answer as a on d.source_system = a.source_system and d.patient_id = a.patient_id
    where d.is_current and (c.patient_id is not null or a.patient_id is not null)
)

select
    p.source_system,
    l.facility_name as clinic,
    p.payer_type,
    count(*) as patients,
    count(*) filter (where p.has_missed_last_two or p.has_low_last_score) as patients_at_risk,
    count(*) filter (where p.has_missed_last_two) as missed_last_two,
    count(*) filter (where p.has_low_last_score) as low_last_score
from patient as p
inner join star.dim_facility as l on p.facility_key = l.facility_key
group by p.source_system, l.facility_name, p.payer_type
