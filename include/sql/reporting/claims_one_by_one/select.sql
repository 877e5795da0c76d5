{% from "macros.jinja" import dim, fact with context %}
-- One row for each claim in its latest state, to look at those behind a number. For readers inside the house only, who
-- look claims up by number. It has no data about patients.
select
    f.source_system,
    f.claim_id,
    f.service_date,
    y.payer_name,
    v.provider_id,
    coalesce(v.provider_name, nullif(concat_ws(' ', v.first_name, v.last_name), '')) as provider_name,
    v.specialty as provider_specialty,
    coalesce(l.facility_name, l.address, l.facility_id) as facility_name,
    c.procedure_id,
    c.procedure_name,
    c.specialty as procedure_specialty,
    g.diagnosis_id,
    g.diagnosis_name,
    p.claim_type,
    p.plan_type,
    p.claim_status,
    p.status_reason,
    f.total_cost as billed_amount,
    f.allowed_amount,
    f.paid_amount,
    d.date - coalesce(m.date, f.service_date) as days_to_payment
from {{ fact("fact_claim") }} as f
inner join star.dim_date as m on f.claim_date_key = m.date_key
inner join star.dim_date as d on f.paid_date_key = d.date_key
inner join {{ dim("dim_payer") }} as y on f.payer_key = y.payer_key
inner join {{ dim("dim_provider") }} as v on f.provider_key = v.provider_key
inner join {{ dim("dim_facility") }} as l on f.facility_key = l.facility_key
inner join {{ dim("dim_procedure") }} as c on f.procedure_key = c.procedure_key
inner join {{ dim("dim_diagnosis") }} as g on f.diagnosis_key = g.diagnosis_key
inner join {{ dim("dim_claim_profile") }} as p on f.claim_profile_key = p.claim_profile_key
