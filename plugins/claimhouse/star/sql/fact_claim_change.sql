-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Fills star.fact_claim_change from claim_version: the versions of claims that have several, the money
-- as a difference to the version before. A version that comes late renumbers those after it.
{% set changing = [
    "version_number", "patient_key", "provider_key", "facility_key", "payer_key", "procedure_key", "diagnosis_key",
    "claim_profile_key", "total_cost_delta", "covered_amount_delta", "allowed_amount_delta", "paid_amount_delta"
] -%}
{% set columns = changing + [
    "source_system", "claim_id", "batch_id", "row_number", "version_date", "service_date_key", "claim_date_key",
    "paid_date_key", "service_date"
] -%}
merge into star.fact_claim_change as f
using (
    -- both conditions fail for the only version of a claim
    select c.* from claim_version as c
    where c.version_number > 1 or not c.is_latest
) as v
    on f.claim_id = v.claim_id and f.batch_id = v.batch_id and f.row_number = v.row_number
when matched and (f.{{ changing | join(", f.") }}) is distinct from (v.{{ changing | join(", v.") }}) then
    update set
        {% for column in changing %}{{ column }} = v.{{ column }}{{ "," if not loop.last }}
        {% endfor %}
when not matched then
    insert ({{ columns | join(", ") }})
    values (v.{{ columns | join(", v.") }});
