analyze claims;

-- In an empty table nothing matches; the index is made after the first load.
merge into fact_claim as known
using (
    select
        claim.claim_id,
        claim.patient_id,
        claim.provider_id,
        claim.visit_type,
        claim.total_cost,
        claim.coverage_type,
        claim.service_date,
        claim.claim_date,
        claim.billed as is_billed,
        claim.last_modified_date,
        patient.patient_key,
        provider.provider_key
    from claims as claim
    left join dim_patient as patient
        on
            claim.patient_id = patient.patient_id
            and claim.service_date >= patient.valid_from
            and claim.service_date < patient.valid_to
    left join dim_provider as provider
        on
            claim.provider_id = provider.provider_id
            and claim.service_date >= provider.valid_from
            and claim.service_date < provider.valid_to
) as brought on known.claim_id = brought.claim_id
when matched and known.last_modified_date <= brought.last_modified_date then
    update
        set
            patient_id = brought.patient_id,
            provider_id = brought.provider_id,
            visit_type = brought.visit_type,
            total_cost = brought.total_cost,
            coverage_type = brought.coverage_type,
            service_date = brought.service_date,
            claim_date = brought.claim_date,
            is_billed = brought.is_billed,
            last_modified_date = brought.last_modified_date,
            patient_key = brought.patient_key,
            provider_key = brought.provider_key
when not matched then
    insert
    values (
        brought.claim_id,
        brought.patient_id,
        brought.provider_id,
        brought.visit_type,
        brought.total_cost,
        brought.coverage_type,
        brought.service_date,
        brought.claim_date,
        brought.is_billed,
        brought.last_modified_date,
        brought.patient_key,
        brought.provider_key
    );

create unique index if not exists fact_claim_id on fact_claim (claim_id);

analyze fact_claim
