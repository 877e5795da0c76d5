-- Encounters and patients by time and specialty. Restricted encounters have a table of their own.
with restricted as (
    select
        source_system,
        encounter_id,
        max(specialty) as specialty
    from security.restricted_encounter
    group by source_system, encounter_id
),

helped as (
    select
        f.source_system,
        coalesce(r.specialty, '') as restricted_specialty,
        to_char(f.service_date, 'YYYY') as year,
        to_char(f.service_date, 'YYYY-"Q"Q') as quarter,
        coalesce(r.specialty, f.specialty, 'unknown') as specialty,
        d.patient_id,
        f.total_claim_cost
    from star.fact_encounter as f
    inner join star.dim_patient as d on f.patient_key = d.patient_key
    left join restricted as r on f.source_system = r.source_system and f.encounter_id = r.encounter_id
    where f.service_date is not null and d.patient_key > 0
)

select
    source_system,
    restricted_specialty,
    case when grouping(year) = 1 then 'all' else year end as year,
    case when grouping(quarter) = 1 then 'all' else quarter end as quarter,
    case when grouping(specialty) = 1 then 'all' else specialty end as specialty,
    count(distinct patient_id) as patients,
    count(*) as encounters,
    sum(total_claim_cost) as total_claim_cost
from helped
group by
    source_system,
    restricted_specialty,
    grouping sets (
        (year, quarter, specialty),
        (year, quarter),
        (year, specialty),
        (year),
        (specialty),
        ()
    )
