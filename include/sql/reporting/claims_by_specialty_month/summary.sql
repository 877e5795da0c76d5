-- One row for each specialty and month, so that all lines of the chart have the same months.
with claims as (
    select
        provider_specialty,
        service_month,
        count(*) as claims,
        sum(total_cost) as total_cost,
        sum(covered_amount) as covered_amount
    from reporting.claims_by_specialty_month
    group by provider_specialty, service_month
),

specialty as (
    select distinct provider_specialty from claims
),

service_month as (
    select distinct service_month from claims
)

select
    s.provider_specialty,
    m.service_month,
    coalesce(c.claims, 0) as claims,
    coalesce(c.total_cost, 0) as total_cost,
    coalesce(c.covered_amount, 0) as covered_amount
from specialty as s
cross join service_month as m
left join claims as c
    on s.provider_specialty = c.provider_specialty and m.service_month = c.service_month
order by s.provider_specialty, m.service_month;
