select
    provider_specialty,
    service_month,
    date_of_service,
    claim_pseudonym,
    patient_pseudonym,
    patient_city,
    patient_state,
    visit_type,
    coverage_percent,
    total_cost,
    covered_amount,
    is_billed,
    as_of
from {{ shown }}
order by provider_specialty, service_month, date_of_service, claim_pseudonym;
