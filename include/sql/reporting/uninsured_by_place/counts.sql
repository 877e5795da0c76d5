-- Where uninsured patients live. Restricted encounters have a table of their own.
with helped as (
    select
        f.client,
        f.source_system,
        f.restricted_specialty,
        coalesce(d.state, 'unknown') as state,
        coalesce(d.city, 'unknown') as city,
        d.patient_id,
        f.total_claim_cost
    from pg_temp.others_fact_encounter as f
    inner join star.dim_payer as y on f.payer_key = y.payer_key
    inner join star.dim_patient as d on f.patient_key = d.patient_key
    where d.patient_key > 0 and y.is_insurer = false
)

select
    client,
    source_system,
    restricted_specialty,
    case when grouping(state) = 1 then 'all' else state end as state,
    case when grouping(city) = 1 then 'all' else city end as city,
    count(distinct patient_id) as patients,
    count(*) as encounters,
    round(avg(total_claim_cost), 2) as average_cost
from helped
group by
    client,
    source_system,
    restricted_specialty,
    grouping sets ((state, city), (state), ())
