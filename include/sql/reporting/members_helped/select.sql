{% from "macros.jinja" import fact with context %}
-- The caller's own members: encounters and distinct patients by month and specialty, with totals. For other
-- periods count in member_encounters: patients of two months cannot be added up.
select
    f.source_system,
    case when grouping(date_trunc('month', f.service_date)) = 0 then date_trunc('month', f.service_date)::date end
        as month,
    case when grouping(f.specialty) = 0 then f.specialty end as specialty,
    grouping(date_trunc('month', f.service_date)) = 1 as is_all_months,
    grouping(f.specialty) = 1 as is_all_specialties,
    count(*) as encounters,
    count(distinct concat_ws(chr(31), d.source_system, d.patient_id)) as patients,
    sum(f.total_claim_cost) as total_claim_cost
from {{ fact("fact_encounter") }} as f
inner join star.dim_patient as d on f.patient_key = d.patient_key
group by f.source_system, cube (date_trunc('month', f.service_date), f.specialty)
having count(*) > 0
