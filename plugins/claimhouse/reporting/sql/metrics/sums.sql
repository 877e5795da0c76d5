{% from "macros.jinja" import dim, fact with context %}
{% import "reporting/sql/metrics/parts.jinja" as parts -%}
-- noqa: disable=AM09,LT02,LT05 (the lists are laid out as written, not as rendered)
-- The metrics of one fact: a row for each combination of the values of a grain's cuts, with the sums of all metrics
-- that the audience reads by these cuts. The fact is read once, and added up by the finest grains; the others are made
-- of their rows. Everything is a sum, so the sums of changed facts can be added. Rows that no metric counts are left
-- out: facts is how many there are of all metrics together.
{%- set read = metrics | selectattr("name", "in", audience.metrics) | list %}
{%- set used = grains | map(attribute="cuts") | map("list") | sum(start=[]) %}
{%- set finest = [] %}
{%- for grain in grains if grain.made_of not in finest %}{% set _ = finest.append(grain.made_of) %}{% endfor %}
{%- set measured = [] %}
{%- for metric in read or metrics %}{% set _ = measured.extend(sums_of[metric.name]) %}{% endfor %}
{%- set conditions = measured | map(attribute="condition") | select | unique | list %}
with part as (
    select
        {{ parts.number_of_grain(cuts, used) }} as grain,
        {%- for cut in cuts %}
        {{ parts.value_of(cut, used) }} as {{ cut.name }},
        {%- endfor %}
        {%- for condition in conditions %}
        (({{ condition }}) is true) as filter_{{ loop.index }},
        {%- endfor %}
        {%- for column in measured %}
        {{ column.aggregate }} as {{ column.name }}{{ "," if not loop.last }}
        {%- endfor %}
    from {% if base -%}
    (
        {% include "metrics/" ~ base ~ ".sql" with context %}
    )
    {%- else -%}
    {{ fact(fact_table) }}
    {%- endif %} as {{ fact_table }}
    {%- for join in joins %}
    left join {{ dim(join.table) }} as {{ join.table }}
        on {{ fact_table }}.{{ join.key }} = {{ join.table }}.{{ join.key }}
    {%- endfor %}
    where {{ "true" if source in sources_of_metric else "false" }}
    group by {{ parts.grouping_sets(cuts, finest, conditions) }}
),

-- Of which rows a grain is made, which cuts it has, and which metrics are read by it.
grain (
    made_of, cuts
    {%- for cut in cuts %}, has_{{ cut.name }}{% endfor %}
    {%- for metric in read %}, has_{{ metric.name }}{% endfor %}
) as (
    values
    {%- for grain in grains %}
    (
        {{ parts.number_of(cuts, used, grain.made_of) }}, '{{ grain.cuts | join(", ") }}'
        {%- for cut in cuts %}, {{ "true" if cut.name in grain.cuts else "false" }}{% endfor %}
        {%- for metric in read %}, {{ "true" if grain.cuts in audience.metrics[metric.name] else "false" }}{% endfor %}
    ){{ "," if not loop.last }}
    {%- endfor %}
),

added_up as (
    select
        g.cuts,
        {%- for cut in cuts %}
        case when g.has_{{ cut.name }} then p.{{ cut.name }} end as {{ cut.name }},
        {%- endfor %}
        {%- for metric in read %}
        {%- for column in sums_of[metric.name] %}
        {{ "published.sum_of_counts" if column.type == "bigint" else "sum" }}(p.{{ column.name }}) filter (
            where g.has_{{ metric.name }}
            {%- if column.condition %} and p.filter_{{ conditions.index(column.condition) + 1 }}{% endif %}
        ) as {{ column.name }},
        {%- endfor %}
        {%- endfor %}
        published.sum_of_counts(
            0
            {%- for metric in read %}
            + case when g.has_{{ metric.name }} then p.{{ metric.name }}_facts else 0 end
            {%- endfor %}
        ) as facts
    from part as p
    inner join grain as g on p.grain = g.made_of
    group by 1{% for cut in cuts %}, {{ loop.index + 1 }}{% endfor %}
)

select
    '{{ source }}'::text as source_system,
    a.cuts,
    {%- for cut in cuts %}
    a.{{ cut.name }},
    {%- endfor %}
    a.facts
    {%- for metric in metrics %}
    {%- for column in sums_of[metric.name] %},
    {%- if metric in read %}
    case when a.{{ metric.name }}_facts > 0 then a.{{ column.name }} end::{{ column.type }} as {{ column.name }}
    {%- else %}
    null::{{ column.type }} as {{ column.name }}
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
from added_up as a
where {{ "a.facts > 0" if read else "false" }}
