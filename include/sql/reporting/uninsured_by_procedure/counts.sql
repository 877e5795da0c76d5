-- The procedures of uninsured patients. Restricted encounters have a table of their own. What is grouped has numbers
-- in place of names, which takes half the time: a procedure and a specialty have the first of their keys.
with code as (
    select
        p.procedure_key,
        p.procedure_id,
        coalesce(p.specialty, 'unknown') as specialty,
        min(p.procedure_key) over (partition by coalesce(p.specialty, 'unknown')) as specialty_number,
        min(p.procedure_key) over (partition by coalesce(p.specialty, 'unknown'), p.procedure_id) as procedure_number
    from star.dim_procedure as p
),

counts as (
    select
        f.table_number,
        c.specialty_number,
        c.procedure_number,
        count(distinct f.person) as patients,
        count(*) as procedures,
        percentile_cont(0.5) within group (order by f.base_cost) as median_cost
    from pg_temp.others_fact_procedure as f
    inner join code as c on f.procedure_key = c.procedure_key
    inner join star.dim_payer as y on f.payer_key = y.payer_key
    where f.person is not null and y.is_insurer = false
    group by f.table_number, rollup (c.specialty_number, c.procedure_number)
)

select
    t.client,
    t.source_system,
    t.restricted_specialty,
    case when n.specialty_number is null then 'all' else c.specialty end as specialty,
    case when n.procedure_number is null then 'all' else c.procedure_id end as procedure_id,
    n.patients,
    n.procedures,
    round(n.median_cost::numeric, 2) as median_cost
from counts as n
inner join pg_temp.counted_table as t on n.table_number = t.table_number
left join code as c on coalesce(n.procedure_number, n.specialty_number) = c.procedure_key
