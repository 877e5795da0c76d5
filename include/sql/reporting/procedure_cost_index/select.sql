{% from "macros.jinja" import counts with context %}
-- Each procedure's own cost compared with that of other payers and of all. Counts about others have small cells
-- suppressed, and a median is shown only if its count is. So that procedures of a specialty can be compared together,
-- whatever their mix, each has its cost at the own median beside what as many would cost at the medians of others: the
-- index of any group is sum over sum (indirect standardization).
with named as (
    select distinct
        p.source_system,
        p.procedure_id,
        p.procedure_name
    from star.dim_procedure as p
)

select
    o.source_system,
    o.specialty,
    o.procedure_id as procedure_code,
    n.procedure_name,
    o.procedures as own_procedures,
    o.patients as own_patients,
    o.median_cost as own_median_cost,
    x.patients as other_patients,
    x.procedures as other_procedures,
    x.median_cost as other_median_cost,
    t.overall_median_cost,
    round(o.median_cost / nullif(x.median_cost, 0), 3) as index_to_others,
    round(o.median_cost / nullif(t.overall_median_cost, 0), 3) as index_to_overall,
    case when x.median_cost is not null then o.procedures * o.median_cost end as own_cost_compared_to_others,
    o.procedures * x.median_cost as cost_at_others_median,
    o.procedures * (o.median_cost - x.median_cost) as cost_above_others,
    case when t.overall_median_cost is not null then o.procedures * o.median_cost end as own_cost_compared_to_overall,
    o.procedures * t.overall_median_cost as cost_at_overall_median,
    coalesce(x.is_hidden or t.is_hidden, false) as is_hidden,
    case
        when not coalesce(x.is_hidden or t.is_hidden, false) then 'shown'
        when num_nulls(x.patients, t.overall_median_cost) > 0 then 'hidden'
        else 'older'
    end as small_numbers,
    least(o.as_of, x.as_of, t.as_of) as as_of
from {{ counts("payer_market") }} as o
left join {{ counts("payer_market") }} as x
    on
        o.client = x.client and o.source_system = x.source_system
        and o.restricted_specialty = x.restricted_specialty and o.specialty = x.specialty
        and o.procedure_id = x.procedure_id and x.payer_group = 'other payers'
left join {{ counts("payer_market") }} as t
    on
        o.client = t.client and o.source_system = t.source_system
        and o.restricted_specialty = t.restricted_specialty and o.specialty = t.specialty
        and o.procedure_id = t.procedure_id and t.payer_group = 'all'
left join named as n on o.source_system = n.source_system and o.procedure_id = n.procedure_id
where o.payer_group = 'own members' and o.procedure_id <> 'all'
