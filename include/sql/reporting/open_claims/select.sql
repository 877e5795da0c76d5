{% from "macros.jinja" import fact with context %}
{% import "reporting/handling.jinja" as handling -%}
-- Claims that are denied or underpaid, or that need handling once they have waited for too long. How long that is, and
-- whether it is over, follows when the report is read: a row does not change because a day passes.
select
    f.source_system,
    f.claim_id,
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
    p.status_reason,
    f.service_date,
    coalesce(m.date, f.service_date) as waits_since,
    f.total_cost as billed_amount,
    f.allowed_amount,
    f.paid_amount,
    {{ handling.reasons() }}
from {{ fact("fact_claim") }} as f
inner join star.dim_claim_profile as p on f.claim_profile_key = p.claim_profile_key
inner join star.dim_date as m on f.claim_date_key = m.date_key
inner join star.dim_payer as y on f.payer_key = y.payer_key
inner join star.dim_procedure as c on f.procedure_key = c.procedure_key
inner join star.dim_provider as v on f.provider_key = v.provider_key
inner join star.dim_facility as l on f.facility_key = l.facility_key
cross join {{ handling.limits() }} as w
where {{ handling.is_open() }}
