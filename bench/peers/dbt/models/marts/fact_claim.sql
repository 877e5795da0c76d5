{{
    config(
        unique_key="claim_id",
        incremental_strategy="merge",
        indexes=[{"columns": ["claim_id"], "unique": True}],
    )
}}
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
    claim.last_modified_date,
    patient.patient_key,
    provider.provider_key
from {{ ref("stg_claims") }} as claim
left join {{ ref("dim_patient") }} as patient
    on
        claim.patient_id = patient.patient_id
        and claim.service_date >= patient.valid_from
        and claim.service_date < patient.valid_to
left join {{ ref("dim_provider") }} as provider
    on
        claim.provider_id = provider.provider_id
        and claim.service_date >= provider.valid_from
        and claim.service_date < provider.valid_to
