-- For each reader with rows of its own: the procedures of its members, and those of everybody else by payer group.
-- In a total (payer_group 'all') patients and procedures are those of the others only. The overall median is that of
-- everybody, the reader's members included. Restricted encounters have a table of their own.
-- What is grouped has numbers in place of names, which takes half the time: a procedure and a specialty have the first
-- of their keys.
with code as (
    select
        p.procedure_key,
        p.procedure_id,
        coalesce(p.specialty, 'unknown') as specialty,
        min(p.procedure_key) over (partition by coalesce(p.specialty, 'unknown')) as specialty_number,
        min(p.procedure_key) over (partition by coalesce(p.specialty, 'unknown'), p.procedure_id) as procedure_number
    from star.dim_procedure as p
),

done as materialized (
    select
        f.table_number,
        c.specialty_number,
        c.procedure_number,
        f.person,
        f.base_cost::double precision as base_cost,
        f.is_own,
        not f.is_own and y.is_insurer is false as is_uninsured
    from pg_temp.own_and_others_fact_procedure as f
    inner join code as c on f.procedure_key = c.procedure_key
    inner join star.dim_payer as y on f.payer_key = y.payer_key
    where f.person is not null
),

-- Each patient of a procedure, of a specialty, and of all once.
patient_of_procedure as materialized (
    select
        table_number,
        specialty_number,
        procedure_number,
        person,
        count(*) filter (where is_own) as own,
        count(*) filter (where is_uninsured) as uninsured,
        count(*) filter (where not is_own) as others,
        min(base_cost) filter (where not is_own) as least_cost,
        max(base_cost) filter (where not is_own) as greatest_cost
    from done
    group by table_number, specialty_number, procedure_number, person
),

patient_of_specialty as materialized (
    select
        table_number,
        specialty_number,
        person,
        sum(own)::bigint as own,
        sum(uninsured)::bigint as uninsured,
        sum(others)::bigint as others
    from patient_of_procedure
    group by table_number, specialty_number, person
),

patient as (
    select
        table_number,
        specialty_number,
        procedure_number,
        own,
        uninsured,
        others
    from patient_of_procedure
    union all
    select
        table_number,
        specialty_number,
        null as procedure_number,
        own,
        uninsured,
        others
    from patient_of_specialty
    union all
    select
        table_number,
        null as specialty_number,
        null as procedure_number,
        sum(own)::bigint as own,
        sum(uninsured)::bigint as uninsured,
        sum(others)::bigint as others
    from patient_of_specialty
    group by table_number, person
),

number_of as (
    select
        table_number,
        specialty_number,
        procedure_number,
        count(*) filter (where own > 0) as own_patients,
        count(*) filter (where uninsured > 0) as uninsured_patients,
        count(*) filter (where others > uninsured) as insured_patients,
        count(*) filter (where others > 0) as other_patients,
        sum(own)::bigint as own_procedures,
        sum(uninsured)::bigint as uninsured_procedures,
        sum(others - uninsured)::bigint as insured_procedures,
        sum(others)::bigint as other_procedures
    from patient
    group by table_number, specialty_number, procedure_number
),

median as materialized (
    select
        table_number,
        specialty_number,
        procedure_number,
        percentile_cont(0.5) within group (order by base_cost) filter (where is_own) as own,
        percentile_cont(0.5) within group (order by base_cost) filter (where is_uninsured) as uninsured,
        percentile_cont(0.5) within group (order by base_cost) filter (
            where not is_own and not is_uninsured
        ) as insured,
        percentile_cont(0.5) within group (order by base_cost) filter (where not is_own) as others
    from done
    group by table_number, rollup (specialty_number, procedure_number)
),

overall as materialized (
    select
        table_number,
        procedure_number,
        count(base_cost) / 2.0 as half,
        percentile_cont(0.5) within group (order by base_cost) as median_cost
    from done
    group by table_number, procedure_number
),

-- Half of all costs lie on each side of the overall median, and the reader knows how many of its own do. So the
-- median tells how many of the others do: it is left out where that could be a small cell.
own_side as (
    select
        o.table_number,
        o.procedure_number,
        count(*) filter (where d.base_cost < o.median_cost) as less,
        count(*) filter (where d.base_cost > o.median_cost) as greater
    from done as d
    inner join overall as o on d.table_number = o.table_number and d.procedure_number = o.procedure_number
    where d.is_own
    group by o.table_number, o.procedure_number
),

other_side as (
    select
        o.table_number,
        o.procedure_number,
        count(*) filter (where p.least_cost <= o.median_cost) as less,
        count(*) filter (where p.greatest_cost >= o.median_cost) as greater
    from patient_of_procedure as p
    inner join overall as o on p.table_number = o.table_number and p.procedure_number = o.procedure_number
    group by o.table_number, o.procedure_number
),

tellable_overall as (
    select
        o.table_number,
        o.procedure_number,
        o.median_cost
    from overall as o
    inner join other_side as x on o.table_number = x.table_number and o.procedure_number = x.procedure_number
    left join own_side as s on o.table_number = s.table_number and o.procedure_number = s.procedure_number
    where
        least(x.less, x.greater, o.half - coalesce(s.less, 0), o.half - coalesce(s.greater, 0)) > {{ small_cells[-1] }}
),

of_group as (
    select
        n.table_number,
        n.specialty_number,
        n.procedure_number,
        g.payer_group,
        g.patients,
        g.procedures,
        g.median_cost
    from number_of as n
    inner join median as m
        on
            n.table_number = m.table_number
            and n.specialty_number is not distinct from m.specialty_number
            and n.procedure_number is not distinct from m.procedure_number
    cross join
        lateral (
            values
            ('own members', n.own_patients, n.own_procedures, m.own),
            ('uninsured', n.uninsured_patients, n.uninsured_procedures, m.uninsured),
            ('other payers', n.insured_patients, n.insured_procedures, m.insured),
            ('all', n.other_patients, n.other_procedures, m.others)
        ) as g (payer_group, patients, procedures, median_cost)
    where g.payer_group = 'all' or g.procedures > 0
)

select
    t.client,
    t.source_system,
    t.restricted_specialty,
    case when g.specialty_number is null then 'all' else c.specialty end as specialty,
    case when g.procedure_number is null then 'all' else c.procedure_id end as procedure_id,
    g.payer_group,
    g.patients,
    g.procedures,
    round(g.median_cost::numeric, 2) as median_cost,
    case when g.payer_group = 'all' then round(o.median_cost::numeric, 2) end as overall_median_cost
from of_group as g
inner join pg_temp.counted_table as t on g.table_number = t.table_number
left join code as c on coalesce(g.procedure_number, g.specialty_number) = c.procedure_key
left join tellable_overall as o on g.table_number = o.table_number and g.procedure_number = o.procedure_number
