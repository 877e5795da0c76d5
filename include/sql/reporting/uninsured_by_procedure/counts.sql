-- The procedures of uninsured patients. Restricted encounters have a table of their own.
with restricted as (
    select
        source_system,
        encounter_id,
        max(specialty) as specialty
    from security.restricted_encounter
    group by source_system, encounter_id
),

done as (
    select
        f.source_system,
        coalesce(r.specialty, '') as restricted_specialty,
        coalesce(p.specialty, 'unknown') as specialty,
        p.procedure_id,
        d.patient_id,
        f.base_cost
    from star.fact_procedure as f
    inner join star.dim_procedure as p on f.procedure_key = p.procedure_key
    inner join star.dim_payer as y on f.payer_key = y.payer_key
    inner join star.dim_patient as d on f.patient_key = d.patient_key
    left join restricted as r on f.source_system = r.source_system and f.encounter_id = r.encounter_id
    where d.patient_key > 0 and y.is_insurer = false
)

select
    source_system,
    restricted_specialty,
    case when grouping(specialty) = 1 then 'all' else specialty end as specialty,
    case when grouping(procedure_id) = 1 then 'all' else procedure_id end as procedure_id,
    count(distinct patient_id) as patients,
    count(*) as procedures,
    round((percentile_cont(0.5) within group (order by base_cost))::numeric, 2) as median_cost
from done
group by
    source_system,
    restricted_specialty,
    grouping sets ((specialty, procedure_id), (specialty), ())
