-- Encounters and patients by quarter and specialty, each year a table of its own. Restricted encounters have a
-- table of their own too. What is grouped has numbers in place of names, which takes half the time.
with helped as materialized (
    select
        f.table_number,
        f.service_date,
        coalesce(nullif(f.restricted_specialty, ''), f.specialty, 'unknown') as specialty,
        f.person,
        f.total_claim_cost
    from pg_temp.others_fact_encounter as f
    where f.service_date is not null and f.person is not null
),

day as materialized (
    select
        service_date,
        to_char(service_date, 'YYYY') as year,
        to_char(service_date, 'YYYY-"Q"Q') as quarter,
        dense_rank() over (order by to_char(service_date, 'YYYY')) as year_number,
        dense_rank() over (order by to_char(service_date, 'YYYY-"Q"Q')) as quarter_number
    from helped
    group by service_date
),

year as (
    select distinct
        year_number,
        year
    from day
),

quarter as (
    select distinct
        quarter_number,
        quarter
    from day
),

kind as materialized (
    select
        specialty,
        row_number() over (order by specialty) as specialty_number
    from helped
    group by specialty
),

counts as (
    select
        h.table_number,
        d.year_number,
        d.quarter_number,
        k.specialty_number,
        count(distinct h.person) as patients,
        count(*) as encounters,
        sum(h.total_claim_cost) as total_claim_cost
    from helped as h
    inner join day as d on h.service_date = d.service_date
    inner join kind as k on h.specialty = k.specialty
    group by
        h.table_number,
        d.year_number,
        grouping sets ((d.quarter_number, k.specialty_number), (d.quarter_number), (k.specialty_number), ())
)

select
    t.client,
    t.source_system,
    t.restricted_specialty,
    y.year,
    case when n.quarter_number is null then 'all' else q.quarter end as quarter,
    coalesce(k.specialty, 'all') as specialty,
    n.patients,
    n.encounters,
    n.total_claim_cost
from counts as n
inner join pg_temp.counted_table as t on n.table_number = t.table_number
inner join year as y on n.year_number = y.year_number
left join quarter as q on n.quarter_number = q.quarter_number
left join kind as k on n.specialty_number = k.specialty_number
