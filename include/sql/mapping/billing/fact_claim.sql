-- Every version of a claim as billing sent it, in the shape of star.fact_claim.
select
    'billing' as source_system,
    claim_id,
    patient_id,
    provider_id,
    visit_type,
    coverage_type,
    billed as is_billed,
    total_cost,
    date_of_service as service_date,
    claim_date,
    last_modified_date as version_at,
    batch_id,
    row_number
from source_billing.claims
