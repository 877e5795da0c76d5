-- sqlfluff:templater:jinja:context:is_empty:false
-- sqlfluff:indentation:template_blocks_indent:false
-- Fills star.fact_claim_version from claim_version: every version received, its money as a
-- difference to the version before. A version that comes late renumbers those after it.
{% if is_empty %}
alter table star.fact_claim_version drop constraint fact_claim_version_pkey;

insert into star.fact_claim_version
select
    source_system,
    claim_id,
    batch_id,
    row_number,
    version_number,
    version_date,
    patient_key,
    provider_key,
    facility_key,
    claim_profile_key,
    service_date_key,
    claim_date_key,
    service_date,
    total_cost_delta,
    covered_amount_delta
from claim_version;

alter table star.fact_claim_version add primary key (batch_id, row_number);
{% else %}
merge into star.fact_claim_version as f
using claim_version as v
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
{% endif %}
