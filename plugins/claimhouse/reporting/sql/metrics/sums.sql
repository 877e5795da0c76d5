{% from "macros.jinja" import dim, fact with context %}
{% import "reporting/sql/metrics/parts.jinja" as parts -%}
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The metrics of one fact, at the grains at which the audience reads each: a row for a metric and each combination of
-- the values of a grain's cuts. The fact is read once for all of them. Everything is a sum, so the sums of changed
-- facts can be added; a sum is empty where nothing is known, so there is a count of what is known beside it.
{%- set read = metrics | selectattr("name", "in", audience.metrics) | list %}
{%- set measured = read or metrics %}
{%- set grains = [] %}
{%- for metric in read %}
{%- for grain in audience.metrics[metric.name] if grain not in grains %}{% set _ = grains.append(grain) %}{% endfor %}
{%- endfor %}
{%- if not grains %}{% set _ = grains.append(cuts | map(attribute="name") | list) %}{% endif %}
{%- set used = grains | map("list") | sum(start=[]) %}
{%- set filters = measured | map(attribute="filter") | select | unique | list %}
{%- set conditions = [] %}
{%- for filter in filters %}{% set _ = conditions.append("((" ~ filter ~ ") is true)") %}{% endfor %}
with part as (
    select
        {{ parts.name_of_grain(cuts, used) }} as cuts,
        {%- for cut in cuts %}
        {{ parts.value_of(cut, used) }} as {{ cut.name }},
        {%- endfor %}
        {%- for condition in conditions %}
        {{ condition }} as filter_{{ loop.index }},
        {%- endfor %}
        {%- for metric in measured %}
        ({{ metric.numerator }})::numeric as {{ metric.name }}_numerator,
        {{ known[metric.name].numerator }} as {{ metric.name }}_numerator_known,
        {%- if metric.denominator %}
        ({{ metric.denominator }})::numeric as {{ metric.name }}_denominator,
        {{ known[metric.name].denominator }} as {{ metric.name }}_denominator_known,
        {%- endif %}
        {%- if metric.unknown %}
        {{ metric.unknown }} as {{ metric.name }}_unknown,
        {%- endif %}
        {%- endfor %}
        count(*) as facts
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
    group by {{ parts.grouping_sets(cuts, grains, conditions) }}
),

rolled as (
    select
        p.cuts,
        {%- for cut in cuts %}
        p.{{ cut.name }},
        {%- endfor %}
        {%- for metric in measured %}
        {%- set only = " filter (where p.filter_" ~ (filters.index(metric.filter) + 1) ~ ")" if metric.filter else "" %}
        sum(p.{{ metric.name }}_numerator){{ only }} as {{ metric.name }}_numerator,
        sum(p.{{ metric.name }}_numerator_known){{ only }} as {{ metric.name }}_numerator_known,
        {%- if metric.denominator %}
        sum(p.{{ metric.name }}_denominator){{ only }} as {{ metric.name }}_denominator,
        sum(p.{{ metric.name }}_denominator_known){{ only }} as {{ metric.name }}_denominator_known,
        {%- endif %}
        {%- if metric.unknown %}
        sum(p.{{ metric.name }}_unknown){{ only }} as {{ metric.name }}_unknown,
        {%- endif %}
        sum(p.facts){{ only }} as {{ metric.name }}_facts{{ "," if not loop.last }}
        {%- endfor %}
    from part as p
    group by p.cuts{% for cut in cuts %}, p.{{ cut.name }}{% endfor %}
)

select
    '{{ source }}'::text as source_system,
    m.metric,
    r.cuts,
    {%- for cut in cuts %}
    r.{{ cut.name }},
    {%- endfor %}
    m.numerator,
    m.denominator,
    m.unknown_count,
    m.facts,
    m.numerator_known,
    m.denominator_known,
    m.unknown_known
from rolled as r
cross join lateral (
    values
    {%- for metric in measured %}
    (
        '{{ metric.name }}'::text,
        r.{{ metric.name }}_numerator,
        {{ "r." ~ metric.name ~ "_denominator" if metric.denominator else "null::numeric" }},
        {{ "r." ~ metric.name ~ "_unknown" if metric.unknown else "null" }}::bigint,
        r.{{ metric.name }}_facts::bigint,
        r.{{ metric.name }}_numerator_known::bigint,
        {{ "r." ~ metric.name ~ "_denominator_known" if metric.denominator else "0" }}::bigint,
        {{ "r." ~ metric.name ~ "_facts" if metric.unknown else "0" }}::bigint
    ){{ "," if not loop.last }}
    {%- endfor %}
) as m (
    metric, numerator, denominator, unknown_count, facts, numerator_known, denominator_known, unknown_known
)
where
    m.facts > 0
    and (
        false
        {%- for metric in read %}
        or m.metric = '{{ metric.name }}' and r.cuts in (
            {%- for grain in audience.metrics[metric.name] %}
            '{{ grain | join(", ") }}'{{ "," if not loop.last }}
            {%- endfor %}
        )
        {%- endfor %}
    )
