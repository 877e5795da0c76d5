select
    claim_id,
    patient_id,
    provider_id,
    visit_type,
    total_cost::numeric(12, 2) as total_cost,
    coverage_type::smallint as coverage_type,
    date_of_service::date as service_date,
    claim_date::date as claim_date,
    billed = 'T' as is_billed,
    last_modified_date::date as last_modified_date
from {{ source("raw", "claims") }}
where pg_input_is_valid(total_cost, 'numeric(12, 2)') and pg_input_is_valid(date_of_service, 'date')
