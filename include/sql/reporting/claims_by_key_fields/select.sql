{% from "macros.jinja" import dim, fact with context %}
-- The metrics of claims at the grain of all their key fields. It has sums only, because ratios cannot be added
-- up. The metrics are defined in include/metrics.
select
    f.source_system,
    t.year_month as service_month,
    y.payer_name,
    c.procedure_id,
    c.procedure_name,
    c.specialty as procedure_specialty,
    v.provider_id,
    coalesce(v.provider_name, nullif(concat_ws(' ', v.first_name, v.last_name), '')) as provider_name,
    v.specialty as provider_specialty,
    coalesce(l.facility_name, l.address, l.facility_id) as facility_name,
    p.claim_type,
    p.plan_type,
    coalesce(p.claim_status, 'unknown') as claim_status,
    count(*) as claims,
    sum(f.total_cost) as billed_amount,
    sum(f.allowed_amount) as allowed_amount,
    sum(f.paid_amount) as paid_amount,
    count(*) filter (where p.claim_status_counts_as = 'denied') as denied_claims,
    count(*) filter (where p.claim_status_counts_as in ('paid', 'denied')) as decided_claims,
    sum(f.paid_amount) filter (where f.total_cost is not null) as paid_of_billed,
    sum(f.total_cost) filter (where f.paid_amount is not null) as billed_of_paid,
    sum(d.date - coalesce(m.date, f.service_date)) as days_to_payment,
    count(d.date - coalesce(m.date, f.service_date)) as timed_payments,
    count(f.total_cost) as billed_known,
    count(f.allowed_amount) as allowed_known,
    count(f.paid_amount) as paid_known,
    count(*) filter (where f.paid_amount is not null and f.total_cost is not null) as paid_and_billed_known
from {{ fact("fact_claim") }} as f
inner join star.dim_date as t on f.service_date_key = t.date_key
inner join star.dim_date as m on f.claim_date_key = m.date_key
inner join star.dim_date as d on f.paid_date_key = d.date_key
inner join {{ dim("dim_payer") }} as y on f.payer_key = y.payer_key
inner join {{ dim("dim_procedure") }} as c on f.procedure_key = c.procedure_key
inner join {{ dim("dim_provider") }} as v on f.provider_key = v.provider_key
inner join {{ dim("dim_facility") }} as l on f.facility_key = l.facility_key
inner join {{ dim("dim_claim_profile") }} as p on f.claim_profile_key = p.claim_profile_key
group by
    f.source_system, t.year_month, y.payer_name, c.procedure_id, c.procedure_name, c.specialty, v.provider_id,
    coalesce(v.provider_name, nullif(concat_ws(' ', v.first_name, v.last_name), '')), v.specialty,
    coalesce(l.facility_name, l.address, l.facility_id), p.claim_type, p.plan_type,
    coalesce(p.claim_status, 'unknown')
