select
    claim.claim_id,
    patient.patient_id,
    provider.provider_id,
    profile.visit_type,
    claim.total_cost,
    profile.coverage_type,
    claim.service_date,
    made.date as claim_date,
    profile.is_billed,
    patient.residence_date,
    patient.address as patient_address,
    patient.zipcode as patient_zipcode,
    patient.birth_date,
    provider.start_date,
    provider.address as provider_address,
    provider.zipcode as provider_zipcode,
    provider.specialty
from star.fact_claim as claim
inner join star.dim_patient as patient on claim.patient_key = patient.patient_key
inner join star.dim_provider as provider on claim.provider_key = provider.provider_key
inner join star.dim_claim_profile as profile on claim.claim_profile_key = profile.claim_profile_key
inner join star.dim_date as made on claim.claim_date_key = made.date_key
order by claim.claim_id
