-- Which claims have not been billed to the patient? Name and address are today's, not those of the day of service: that
-- is where the bill must go.
select
    claim.claim_id,
    claim.service_date,
    claim.total_cost,
    claim.total_cost - claim.covered_amount as amount_to_bill,
    patient.first_name as patient_first_name,
    patient.last_name as patient_last_name,
    patient.address,
    patient.city,
    patient.state,
    patient.zipcode,
    provider.first_name as provider_first_name,
    provider.last_name as provider_last_name
from star.fact_claim as claim
inner join star.dim_claim_profile as profile on claim.claim_profile_key = profile.claim_profile_key
inner join star.dim_patient as patient_then on claim.patient_key = patient_then.patient_key
inner join star.dim_patient as patient
    on
        patient_then.source_system = patient.source_system
        and patient_then.patient_id = patient.patient_id
        and patient.is_current
inner join star.dim_provider as provider_then on claim.provider_key = provider_then.provider_key
inner join star.dim_provider as provider
    on
        provider_then.source_system = provider.source_system
        and provider_then.provider_id = provider.provider_id
        and provider.is_current
where not profile.is_billed
order by claim.service_date, claim.claim_id
