insert into fact_claim
select
    claim_id,
    patient_id,
    provider_id,
    visit_type,
    total_cost,
    coverage_type,
    service_date,
    claim_date,
    is_billed,
    last_modified_date,
    patient_key,
    provider_key
from new_claim
on conflict (claim_id) do update set
    patient_id = excluded.patient_id,
    provider_id = excluded.provider_id,
    visit_type = excluded.visit_type,
    total_cost = excluded.total_cost,
    coverage_type = excluded.coverage_type,
    service_date = excluded.service_date,
    claim_date = excluded.claim_date,
    is_billed = excluded.is_billed,
    last_modified_date = excluded.last_modified_date,
    patient_key = excluded.patient_key,
    provider_key = excluded.provider_key
where fact_claim.last_modified_date <= excluded.last_modified_date
