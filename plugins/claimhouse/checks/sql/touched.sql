-- sqlfluff:templater:jinja:context:table:fact_claim_change
-- sqlfluff:templater:jinja:context:target:fact_claim
-- sqlfluff:templater:jinja:context:key:["claim_id"]
-- sqlfluff:templater:jinja:context:batches:4, 5
-- sqlfluff:templater:jinja:context:is_mapped:true
-- noqa: disable=AM09,LT02,LT05 (the lists are laid out as written, not as rendered)
-- The rows of a table of the star that a load touches. The offset keeps it a look-up for each key, whatever the
-- statistics say.
drop table if exists pg_temp.touched_{{ table }};
create temp table touched_{{ table }} as
{% if is_mapped -%}
select f.*
from (
    select distinct v.{{ key | join(", v.") }}
    from source_{{ source }}.star_{{ target }} as v
    where v.batch_id in ({{ batches }}) and num_nulls(v.{{ key | join(", v.") }}) = 0
    order by v.{{ key | join(", v.") }}
) as t
cross join lateral (
    select s.*
    from star.{{ table }} as s
    where s.source_system = '{{ source }}'{% for column in key %} and s.{{ column }} = t.{{ column }}{% endfor %}

    offset 0
) as f;
{%- else -%}
-- only facts name its members
select s.*
from star.{{ table }} as s
where false;
{%- endif %}
analyze touched_{{ table }};
