-- Encounters and patients by quarter and specialty, each year a table of its own. Restricted encounters have a
-- table of their own too.
with helped as (
    select
        f.client,
        f.source_system,
        f.restricted_specialty,
        to_char(f.service_date, 'YYYY') as year,
        to_char(f.service_date, 'YYYY-"Q"Q') as quarter,
        coalesce(nullif(f.restricted_specialty, ''), f.specialty, 'unknown') as specialty,
        d.patient_id,
        f.total_claim_cost
    from pg_temp.others_fact_encounter as f
    inner join star.dim_patient as d on f.patient_key = d.patient_key
    where f.service_date is not null and d.patient_key > 0
)

select
    client,
    source_system,
    restricted_specialty,
    year,
    case when grouping(quarter) = 1 then 'all' else quarter end as quarter,
    case when grouping(specialty) = 1 then 'all' else specialty end as specialty,
    count(distinct patient_id) as patients,
    count(*) as encounters,
    sum(total_claim_cost) as total_claim_cost
from helped
group by
    client,
    source_system,
    restricted_specialty,
    year,
    grouping sets ((quarter, specialty), (quarter), (specialty), ())
