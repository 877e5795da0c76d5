-- Fills star.fact_claim_change from claim_version: the versions of claims that have several, the money
-- as a difference to the version before. A version that comes late renumbers those after it.
merge into star.fact_claim_change as f
using (
    -- both conditions fail for the only version of a claim
    select c.* from claim_version as c
    where c.version_number > 1 or not c.is_latest
) as v
    on f.batch_id = v.batch_id and f.row_number = v.row_number
when matched and (
    f.version_number, f.patient_key, f.provider_key, f.facility_key, f.claim_profile_key, f.total_cost_delta,
    f.covered_amount_delta
) is distinct from (
    v.version_number, v.patient_key, v.provider_key, v.facility_key, v.claim_profile_key, v.total_cost_delta,
    v.covered_amount_delta
) then
    update set
        version_number = v.version_number,
        patient_key = v.patient_key,
        provider_key = v.provider_key,
        facility_key = v.facility_key,
        claim_profile_key = v.claim_profile_key,
        total_cost_delta = v.total_cost_delta,
        covered_amount_delta = v.covered_amount_delta
when not matched then
    insert (
        source_system, claim_id, batch_id, row_number, version_number, version_date, patient_key, provider_key,
        facility_key, claim_profile_key, service_date_key, claim_date_key, service_date, total_cost_delta,
        covered_amount_delta
    )
    values (
        v.source_system, v.claim_id, v.batch_id, v.row_number, v.version_number, v.version_date, v.patient_key,
        v.provider_key, v.facility_key, v.claim_profile_key, v.service_date_key, v.claim_date_key, v.service_date,
        v.total_cost_delta, v.covered_amount_delta
    );
