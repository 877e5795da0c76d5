-- sqlfluff:templater:jinja:context:brought:["total_cost"]
-- sqlfluff:templater:jinja:context:change:["claim_id", "batch_id", "row_number", "version_number", "total_cost_delta"]
-- sqlfluff:templater:jinja:context:changing:["version_number", "total_cost_delta"]
-- sqlfluff:templater:jinja:context:has_withdrawn:true
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Fills star.fact_claim_change from claim_version: the versions of claims that have several, money as a difference
-- to the version before. A version that comes late renumbers those after it.
{% if has_withdrawn or "is_repeat" in brought -%}
-- A row was withdrawn from its source, or says the same as one that came late just before it: its version goes, and
-- so do all where one is left.
delete from star.fact_claim_change as f
using known as k
where
    f.source_system = '{{ source }}'
    and f.claim_id = k.claim_id
    and k.version_count > 1
    and not exists (
        select from claim_version as v
        where
            v.claim_id = f.claim_id and v.batch_id = f.batch_id and v.row_number = f.row_number
            and (v.version_number > 1 or not v.is_latest)
    );

{% endif -%}
merge into star.fact_claim_change as f
using (
    -- the only version of a claim meets neither condition
    select c.* from claim_version as c
    where c.version_number > 1 or not c.is_latest
) as v
    on f.claim_id = v.claim_id and f.batch_id = v.batch_id and f.row_number = v.row_number
when matched and (f.{{ changing | join(", f.") }}) is distinct from (v.{{ changing | join(", v.") }}) then
    update set
        {% for column in changing %}{{ column }} = v.{{ column }}{{ "," if not loop.last }}
        {% endfor %}
when not matched then
    insert ({{ change | join(", ") }})
    values (v.{{ change | join(", v.") }});
