-- For each reader with rows of its own: the procedures of its members, and those of everybody else by payer group.
-- In a total (payer_group 'all') patients and procedures are those of the others only. The overall median is that of
-- everybody, the reader's members included. Restricted encounters have a table of their own.
with done as (
    select
        f.client,
        f.source_system,
        f.restricted_specialty,
        coalesce(p.specialty, 'unknown') as specialty,
        p.procedure_id,
        d.patient_id,
        f.base_cost,
        case
            when f.is_own then 'own members'
            when y.is_insurer = false then 'uninsured'
            else 'other payers'
        end as payer_group
    from pg_temp.own_and_others_fact_procedure as f
    inner join star.dim_procedure as p on f.procedure_key = p.procedure_key
    inner join star.dim_payer as y on f.payer_key = y.payer_key
    inner join star.dim_patient as d on f.patient_key = d.patient_key
    where d.patient_key > 0
),

overall as (
    select
        client,
        source_system,
        restricted_specialty,
        specialty,
        procedure_id,
        count(base_cost) / 2.0 as half,
        percentile_cont(0.5) within group (order by base_cost) as median_cost
    from done
    group by client, source_system, restricted_specialty, specialty, procedure_id
),

-- Half of all costs lie on each side of the overall median, and the reader knows how many of its own do. So the
-- median tells how many of the others do: it is left out where that could be a small cell.
tellable_overall as (
    select
        o.client,
        o.source_system,
        o.restricted_specialty,
        o.specialty,
        o.procedure_id,
        o.median_cost
    from overall as o
    inner join done as d
        on
            o.client = d.client and o.source_system = d.source_system
            and o.restricted_specialty = d.restricted_specialty and o.specialty = d.specialty
            and o.procedure_id = d.procedure_id
    group by
        o.client, o.source_system, o.restricted_specialty, o.specialty, o.procedure_id, o.half, o.median_cost
    having
        least(
            count(distinct d.patient_id) filter (
                where d.payer_group <> 'own members' and d.base_cost <= o.median_cost
            ),
            count(distinct d.patient_id) filter (
                where d.payer_group <> 'own members' and d.base_cost >= o.median_cost
            ),
            o.half - count(*) filter (where d.payer_group = 'own members' and d.base_cost < o.median_cost),
            o.half - count(*) filter (where d.payer_group = 'own members' and d.base_cost > o.median_cost)
        ) > {{ small_cells[-1] }}
),

cell as (
    select
        client,
        source_system,
        restricted_specialty,
        case when grouping(specialty) = 1 then 'all' else specialty end as specialty,
        case when grouping(procedure_id) = 1 then 'all' else procedure_id end as procedure_id,
        case when grouping(payer_group) = 1 then 'all' else payer_group end as payer_group,
        case
            when payer_group = 'own members' then count(distinct patient_id)
            else count(distinct patient_id) filter (where payer_group <> 'own members')
        end as patients,
        case
            when payer_group = 'own members' then count(*)
            else count(*) filter (where payer_group <> 'own members')
        end as procedures,
        case
            when payer_group = 'own members'
                then round((percentile_cont(0.5) within group (order by base_cost))::numeric, 2)
            else
                round(
                    (
                        percentile_cont(0.5) within group (order by base_cost)
                        filter (where payer_group <> 'own members')
                    )::numeric,
                    2
                )
        end as median_cost
    from done
    group by
        client,
        source_system,
        restricted_specialty,
        grouping sets (
            (specialty, procedure_id, payer_group),
            (specialty, procedure_id),
            (specialty, payer_group),
            (specialty),
            (payer_group),
            ()
        )
)

select
    c.client,
    c.source_system,
    c.restricted_specialty,
    c.specialty,
    c.procedure_id,
    c.payer_group,
    c.patients,
    c.procedures,
    c.median_cost,
    round(o.median_cost::numeric, 2) as overall_median_cost
from cell as c
left join tellable_overall as o
    on
        c.client = o.client and c.source_system = o.source_system
        and c.restricted_specialty = o.restricted_specialty and c.specialty = o.specialty
        and c.procedure_id = o.procedure_id and c.payer_group = 'all'
