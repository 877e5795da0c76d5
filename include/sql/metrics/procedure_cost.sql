{% from "metrics/fact.jinja" import fact with context %}
-- Grain: a procedure performed whose cost is known, beside the medians of the same procedure. The medians are over
-- all years, so they do not depend on the question, and within one source system, whose code it is.
with performed as (
    select
        f.source_system,
        f.patient_key,
        f.facility_key,
        f.payer_key,
        f.procedure_key,
        f.service_date_key,
        f.base_cost,
        coalesce(p.payer_name, 'unknown') as payer_name
    from {{ fact("fact_procedure") }} as f
    left join star.dim_payer as p on f.payer_key = p.payer_key
    where f.base_cost is not null
),

overall as (
    select
        procedure_key,
        percentile_cont(0.5) within group (order by base_cost) as median_cost
    from performed
    group by procedure_key
),

of_payer as (
    select
        procedure_key,
        payer_name,
        percentile_cont(0.5) within group (order by base_cost) as median_cost
    from performed
    group by procedure_key, payer_name
)

select
    performed.source_system,
    performed.patient_key,
    performed.facility_key,
    performed.payer_key,
    performed.procedure_key,
    performed.service_date_key,
    performed.base_cost,
    overall.median_cost::numeric as overall_median,
    of_payer.median_cost::numeric as payer_median
from performed
inner join overall on performed.procedure_key = overall.procedure_key
inner join of_payer
    on performed.procedure_key = of_payer.procedure_key and performed.payer_name = of_payer.payer_name
