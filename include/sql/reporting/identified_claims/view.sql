-- Every claim with its patient and provider. For senior management only.
select
    f.source_system,
    f.claim_id,
    f.service_date,
    d.patient_id,
    d.first_name,
    d.last_name,
    d.city,
    d.state,
    v.provider_id,
    coalesce(v.provider_name, concat_ws(' ', v.first_name, v.last_name)) as provider_name,
    v.specialty,
    y.payer_name,
    c.visit_type,
    c.claim_type,
    c.plan_type,
    c.claim_status,
    c.status_reason,
    c.coverage_type as coverage_percent,
    c.is_billed,
    f.total_cost,
    f.covered_amount,
    f.allowed_amount,
    f.paid_amount,
    a.as_of
from star.fact_claim as f
left join star.dim_patient as d on f.patient_key = d.patient_key
left join star.dim_provider as v on f.provider_key = v.provider_key
left join star.dim_payer as y on f.payer_key = y.payer_key
left join star.dim_claim_profile as c on f.claim_profile_key = c.claim_profile_key
left join security.data_as_of as a on f.source_system = a.source_system
