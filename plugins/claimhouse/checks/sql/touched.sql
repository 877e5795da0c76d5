-- sqlfluff:templater:jinja:context:target:fact_claim
-- sqlfluff:templater:jinja:context:key:["claim_id"]
-- sqlfluff:templater:jinja:context:batches:4, 5
-- sqlfluff:templater:jinja:context:is_mapped:true
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The members or facts that a load brings, in the order in which they are looked up.
drop table if exists pg_temp.touched_{{ target }};

{% if is_mapped -%}
create temp table touched_{{ target }} as
select distinct v.{{ key | join(", v.") }}
from source_{{ source }}.star_{{ target }} as v
where v.batch_id in ({{ batches }}) and num_nulls(v.{{ key | join(", v.") }}) = 0
order by v.{{ key | join(", v.") }};
{% else -%}
-- only facts name its members
create temp table touched_{{ target }} ({{ key | join(" text, ") }} text);
{% endif %}
analyze touched_{{ target }};
