-- Which patients have a surgery claim with a given provider? Change the provider's id below.
select
    patient.patient_id,
    patient.first_name,
    patient.last_name,
    count(*) as surgeries,
    min(claim.service_date) as first_surgery,
    max(claim.service_date) as last_surgery
from star.fact_claim as claim
inner join star.dim_claim_profile as profile on claim.claim_profile_key = profile.claim_profile_key
inner join star.dim_provider as provider on claim.provider_key = provider.provider_key
-- one row for each patient, under the current name
inner join star.dim_patient as patient_then on claim.patient_key = patient_then.patient_key
inner join star.dim_patient as patient
    on
        patient_then.source_system = patient.source_system
        and patient_then.patient_id = patient.patient_id
        and patient.is_current
where
    profile.visit_type = 'surgery'
    and provider.source_system = 'billing'
    and provider.provider_id = 'N3T5300A'
group by patient.patient_key
order by patient.patient_id
