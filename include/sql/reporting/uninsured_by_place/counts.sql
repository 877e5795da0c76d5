-- Where uninsured patients live. Restricted encounters have a table of their own.
with helped as (
    select
        f.table_number,
        coalesce(d.state, 'unknown') as state,
        coalesce(d.city, 'unknown') as city,
        f.person,
        f.total_claim_cost
    from pg_temp.others_fact_encounter as f
    inner join star.dim_payer as y on f.payer_key = y.payer_key
    inner join star.dim_patient as d on f.patient_key = d.patient_key
    where f.person is not null and y.is_insurer = false
),

counts as (
    select
        table_number,
        case when grouping(state) = 1 then 'all' else state end as state,
        case when grouping(city) = 1 then 'all' else city end as city,
        count(distinct person) as patients,
        count(*) as encounters,
        round(avg(total_claim_cost), 2) as average_cost
    from helped
    group by table_number, rollup (state, city)
)

select
    t.client,
    t.source_system,
    t.restricted_specialty,
    n.state,
    n.city,
    n.patients,
    n.encounters,
    n.average_cost
from counts as n
inner join pg_temp.counted_table as t on n.table_number = t.table_number
