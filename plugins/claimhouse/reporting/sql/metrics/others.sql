{% from "macros.jinja" import fact with context %}
{% import "reporting/sql/metrics/parts.jinja" as parts -%}
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- A metric whose rows do not add up, a count of distinct members or a median, at the grains at which the audience
-- reads it: each is made of the facts again.
{%- set grains = audience.metrics.get(metric.name) or [cuts | map(attribute="name") | list] %}
{%- set used = grains | map("list") | sum(start=[]) %}
select
    '{{ source }}'::text as source_system,
    {{ parts.name_of_grain(cuts, used) }} as cuts,
    {%- for cut in cuts %}
    {{ parts.value_of(cut, used) }} as {{ cut.name }},
    {%- endfor %}
    {%- if metric.kind == "median" %}
    null::numeric as numerator,
    null::numeric as denominator,
    (percentile_cont(0.5) within group (order by ({{ metric.numerator }})::numeric))::numeric as median,
    {%- else %}
    (count(distinct {{ metric.member }}) filter (where {{ metric.numerator }}))::numeric as numerator, -- noqa
    count(distinct {{ metric.member }})::numeric as denominator, -- noqa
    null::numeric as median,
    {%- endif %}
    null::bigint as unknown_count
from {% if base -%}
(
    {% include "metrics/" ~ base ~ ".sql" with context %}
)
{%- else -%}
{{ fact(fact_table) }}
{%- endif %} as {{ fact_table }}
{%- for join in joins %}
left join star.{{ join.table }} as {{ join.table }}
    on {{ fact_table }}.{{ join.key }} = {{ join.table }}.{{ join.key }}
{%- endfor %}
where
    {{ "true" if source in sources_of_metric else "false" }}
    and ({{ metric.filter or "true" }})
group by {{ parts.grouping_sets(cuts, grains) }}
-- The total has no row where there are no facts.
having count(*) > 0
