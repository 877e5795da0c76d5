-- The procedures of uninsured patients. Restricted encounters have a table of their own.
with done as (
    select
        f.client,
        f.source_system,
        f.restricted_specialty,
        coalesce(p.specialty, 'unknown') as specialty,
        p.procedure_id,
        d.patient_id,
        f.base_cost
    from pg_temp.others_fact_procedure as f
    inner join star.dim_procedure as p on f.procedure_key = p.procedure_key
    inner join star.dim_payer as y on f.payer_key = y.payer_key
    inner join star.dim_patient as d on f.patient_key = d.patient_key
    where d.patient_key > 0 and y.is_insurer = false
)

select
    client,
    source_system,
    restricted_specialty,
    case when grouping(specialty) = 1 then 'all' else specialty end as specialty,
    case when grouping(procedure_id) = 1 then 'all' else procedure_id end as procedure_id,
    count(distinct patient_id) as patients,
    count(*) as procedures,
    round((percentile_cont(0.5) within group (order by base_cost))::numeric, 2) as median_cost
from done
group by
    client,
    source_system,
    restricted_specialty,
    grouping sets ((specialty, procedure_id), (specialty), ())
