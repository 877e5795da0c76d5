-- sqlfluff:templater:jinja:context:is_first:false
-- sqlfluff:indentation:template_blocks_indent:false
-- sqlfluff:templater:jinja:context:latest:["patient_key", "total_cost", "version_count"]
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Fills star.fact_claim from claim_version: each claim in its latest state.
{% if not is_first -%}
-- By ctid, which known has: a merge would look up all claims once more.
update star.fact_claim as f
set
    {% for column in latest %}{{ column }} = v.{{ column }}{{ "," if not loop.last }}
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
    and (f.{{ latest | join(", f.") }}) is distinct from (v.{{ latest | join(", v.") }});
{% endif -%}
insert into star.fact_claim (source_system, claim_id, {{ latest | join(", ") }})
select
    v.source_system,
    v.claim_id,
    v.{{ latest | join(",\n    v.") | replace("v.version_count", "v.version_number as version_count") }}
from claim_version as v
{%- if not is_first %}
where v.is_latest and not exists (select from known as k where k.claim_id = v.claim_id){% endif %};
