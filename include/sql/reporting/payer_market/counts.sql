-- For each client with members: the procedures of its members, and those of everybody else by payer group.
-- In a total (payer_group 'all') patients and procedures are those of the others only; the overall median is that
-- of everybody, the client's members included. Restricted encounters have a table of their own.
with client_payer as (
    select
        l.client,
        p.source_system,
        p.payer_key
    from security.login as l
    inner join security.entitlement as e on l.login = e.login and e.kind = 'payer'
    inner join star.dim_payer as p on e.source_system = p.source_system and e.value = p.payer_name
    where l.is_own_role
),

client_source as (
    select distinct
        client,
        source_system
    from client_payer
),

restricted as (
    select
        source_system,
        encounter_id,
        max(specialty) as specialty
    from security.restricted_encounter
    group by source_system, encounter_id
),

done as (
    select
        c.client,
        f.source_system,
        coalesce(r.specialty, '') as restricted_specialty,
        coalesce(p.specialty, 'unknown') as specialty,
        p.procedure_id,
        d.patient_id,
        f.base_cost,
        case
            when o.payer_key is not null then 'own members'
            when y.is_insurer = false then 'uninsured'
            else 'other payers'
        end as payer_group
    from client_source as c
    inner join star.fact_procedure as f on c.source_system = f.source_system
    inner join star.dim_procedure as p on f.procedure_key = p.procedure_key
    inner join star.dim_payer as y on f.payer_key = y.payer_key
    inner join star.dim_patient as d on f.patient_key = d.patient_key
    left join client_payer as o on c.client = o.client and f.payer_key = o.payer_key
    left join restricted as r on f.source_system = r.source_system and f.encounter_id = r.encounter_id
    where d.patient_key > 0
)

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
    end as median_cost,
    case
        when grouping(payer_group) = 1
            then round((percentile_cont(0.5) within group (order by base_cost))::numeric, 2)
    end as overall_median_cost
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
