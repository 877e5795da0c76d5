{% from "macros.jinja" import reader %}
-- The caller's own members: encounters and distinct patients by month and specialty, with totals. For other
-- periods count in member_encounters: patients of two months cannot be added up.
create view reporting.members_helped with (security_barrier) as
select
    case when grouping(date_trunc('month', f.service_date)) = 0 then date_trunc('month', f.service_date)::date end
        as month,
    case when grouping(f.specialty) = 0 then f.specialty end as specialty,
    grouping(date_trunc('month', f.service_date)) = 1 as is_all_months,
    grouping(f.specialty) = 1 as is_all_specialties,
    count(*) as encounters,
    count(distinct concat_ws(chr(31), d.source_system, d.patient_id)) as patients,
    sum(f.total_claim_cost) as total_claim_cost,
    max(a.as_of) as as_of
from star.fact_encounter as f
inner join star.dim_patient as d on f.patient_key = d.patient_key
inner join {{ reader("members_helped", "limited") }}
left join security.data_as_of as a on f.source_system = a.source_system
group by cube (date_trunc('month', f.service_date), f.specialty)
having count(*) > 0;

comment on view reporting.members_helped is 'Members helped, by month and specialty';
