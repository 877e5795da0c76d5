select
    claim.claim_id,
    claim.patient_id,
    claim.provider_id,
    claim.visit_type,
    claim.total_cost,
    claim.coverage_type,
    claim.service_date,
    claim.claim_date,
    claim.is_billed,
    patient.date_of_residence,
    patient.address as patient_address,
    patient.zipcode as patient_zipcode,
    patient.date_of_birth,
    provider.start_date,
    provider.address as provider_address,
    provider.zipcode as provider_zipcode,
    provider.specialty_code
from fact_claim as claim
left join dim_patient as patient on claim.patient_key = patient.patient_key
left join dim_provider as provider on claim.provider_key = provider.provider_key
order by claim.claim_id
