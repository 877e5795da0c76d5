-- sqlfluff:templater:jinja:context:is_first:false
-- sqlfluff:indentation:template_blocks_indent:false
-- Fills star.fact_claim from claim_version: each claim in its latest state.
{% if is_first %}
insert into star.fact_claim
select
    source_system,
    claim_id,
    patient_key,
    provider_key,
    facility_key,
    claim_profile_key,
    service_date_key,
    claim_date_key,
    service_date,
    total_cost,
    covered_amount,
    version_number as version_count,
    batch_id,
    row_number,
    version_date
from claim_version;
{% else %}
merge into star.fact_claim as f
using (
    select
        c.*,
        c.version_number as version_count
    from claim_version as c
    where c.is_latest
) as v
    on f.source_system = '{{ source }}' and f.claim_id = v.claim_id
when matched and (
    f.patient_key, f.provider_key, f.facility_key, f.claim_profile_key, f.service_date_key, f.claim_date_key,
    f.service_date, f.total_cost, f.covered_amount, f.version_count, f.batch_id, f.row_number,
    f.version_date
) is distinct from (
    v.patient_key, v.provider_key, v.facility_key, v.claim_profile_key, v.service_date_key, v.claim_date_key,
    v.service_date, v.total_cost, v.covered_amount, v.version_count, v.batch_id, v.row_number,
    v.version_date
) then
    update set
        patient_key = v.patient_key,
        provider_key = v.provider_key,
        facility_key = v.facility_key,
        claim_profile_key = v.claim_profile_key,
        service_date_key = v.service_date_key,
        claim_date_key = v.claim_date_key,
        service_date = v.service_date,
        total_cost = v.total_cost,
        covered_amount = v.covered_amount,
        version_count = v.version_count,
        batch_id = v.batch_id,
        row_number = v.row_number,
        version_date = v.version_date
when not matched then
    insert (
        source_system, claim_id, patient_key, provider_key, facility_key, claim_profile_key, service_date_key,
        claim_date_key, service_date, total_cost, covered_amount, version_count, batch_id, row_number, version_date
    )
    values (
        v.source_system, v.claim_id, v.patient_key, v.provider_key, v.facility_key, v.claim_profile_key,
        v.service_date_key, v.claim_date_key, v.service_date, v.total_cost, v.covered_amount, v.version_count,
        v.batch_id, v.row_number, v.version_date
    );
{% endif %}
