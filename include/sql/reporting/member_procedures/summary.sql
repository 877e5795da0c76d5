-- One row for each specialty and year, so that all lines of the chart have the same years.
with done as (
    select
        specialty,
        service_year,
        count(*) as procedures,
        count(distinct patient_pseudonym) as patients,
        sum(base_cost) as base_cost
    from reporting.member_procedures
    group by specialty, service_year
),

specialty as (
    select distinct specialty from done
),

service_year as (
    select distinct service_year from done
)

select
    s.specialty,
    y.service_year,
    coalesce(d.procedures, 0) as procedures,
    coalesce(d.patients, 0) as patients,
    coalesce(d.base_cost, 0) as base_cost
from specialty as s
cross join service_year as y
left join done as d on s.specialty = d.specialty and y.service_year = d.service_year
order by s.specialty, y.service_year;
