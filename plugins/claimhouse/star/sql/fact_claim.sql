-- sqlfluff:templater:jinja:context:is_first:false
-- sqlfluff:indentation:template_blocks_indent:false
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Fills star.fact_claim from claim_version: each claim in its latest state.
{% set columns = [
    "patient_key", "provider_key", "facility_key", "payer_key", "procedure_key", "diagnosis_key", "claim_profile_key",
    "service_date_key", "claim_date_key", "paid_date_key", "service_date", "total_cost", "covered_amount",
    "allowed_amount", "paid_amount", "version_count", "batch_id", "row_number", "version_date"
] -%}
{% if not is_first -%}
-- By their place, which known has already: a merge would look all claims up once more.
update star.fact_claim as f
set
    {% for column in columns %}{{ column }} = v.{{ column }}{{ "," if not loop.last }}
    {% endfor -%}
from (
    select
        k.place,
        c.*,
        c.version_number as version_count
    from claim_version as c
    inner join known as k on c.claim_id = k.claim_id
    where c.is_latest
) as v
where
    f.ctid = v.place
    and (f.{{ columns | join(", f.") }}) is distinct from (v.{{ columns | join(", v.") }});
{% endif -%}
insert into star.fact_claim (source_system, claim_id, {{ columns | join(", ") }})
select
    v.source_system,
    v.claim_id,
    v.{{ columns | join(",\n    v.") | replace("v.version_count", "v.version_number as version_count") }}
from claim_version as v
{%- if not is_first %}
where v.is_latest and not exists (select from known as k where k.claim_id = v.claim_id){% endif %};
