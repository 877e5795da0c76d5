-- sqlfluff:templater:jinja:context:change:["claim_id", "batch_id", "row_number", "version_number", "total_cost_delta"]
-- sqlfluff:templater:jinja:context:changing:["version_number", "total_cost_delta"]
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Fills star.fact_claim_change from claim_version: the versions of claims that have several, money as a difference
-- to the version before. A version that comes late renumbers those after it.
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
