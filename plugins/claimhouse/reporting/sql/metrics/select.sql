{% from "macros.jinja" import fact with context %}
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- A metric at the grains that the audience reads: a row for each combination of the values of a grain's cuts. Its
-- parts are sums, so the sums of changed facts can be added to them; the count of distinct members and the median of
-- another kind of metric cannot.
{%- set grains = audience.metrics.get(metric.name) or [cuts | map(attribute="name") | list] %}
select
    '{{ source }}'::text as source_system,
    concat_ws(
        ', '
        {%- for cut in cuts %},
        case when grouping({{ cut.table }}.{{ cut.column }}) = 0 then '{{ cut.name }}' end
        {%- endfor %},
        null
    ) as cuts,
    {%- for cut in cuts %}
    {{ cut.table }}.{{ cut.column }} as {{ cut.name }},
    {%- endfor %}
    {%- if metric.kind == "median" %}
    null::numeric as numerator,
    null::numeric as denominator,
    (percentile_cont(0.5) within group (order by ({{ metric.numerator }})::numeric))::numeric as median,
    {%- elif metric.kind == "share_of_members" %}
    (count(distinct {{ metric.member }}) filter (where {{ metric.numerator }}))::numeric as numerator,
    count(distinct {{ metric.member }})::numeric as denominator,
    {%- else %}
    ({{ metric.numerator }})::numeric as numerator,
    ({{ metric.denominator or "null" }})::numeric as denominator,
    {%- endif %}
    ({{ metric.unknown or "null" }})::bigint as unknown_count,
    count(*) as facts
from {% if base -%}
(
    {% include "metrics/" ~ base ~ ".sql" with context %}
)
{%- else -%}
{{ fact(metric.fact) }}
{%- endif %} as {{ metric.fact }}
{%- for join in joins %}
left join star.{{ join.table }} as {{ join.table }}
    on {{ metric.fact }}.{{ join.key }} = {{ join.table }}.{{ join.key }}
{%- endfor %}
where
    {{ "true" if source in sources_of_metric else "false" }}
    {%- if metric.filter %}
    and ({{ metric.filter }})
    {%- endif %}
group by
    grouping sets (
        {%- for grain in grains %}
        (
            {%- for cut in cuts if cut.name in grain %}
            {{- cut.table }}.{{ cut.column }}{{ ", " if not loop.last }}
            {%- endfor -%}
        ){{ "," if not loop.last }}
        {%- endfor %}
    )
-- The total has no row where there are no facts.
having count(*) > 0
