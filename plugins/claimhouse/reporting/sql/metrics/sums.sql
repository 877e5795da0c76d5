{% import "reporting/sql/metrics/parts.jinja" as parts -%}
-- noqa: disable=AM09,LT02,LT05 (the lists are laid out as written, not as rendered)
-- The metrics of one fact: a row for each combination of the values of a grain's cuts, with the sums of all metrics
-- that the audience reads by these cuts. The fact is read once, and added up by the finest grains; the others are made
-- of their rows. Everything is a sum: with the scope changes, the rows are what is to be added to those that are shown.
-- Rows that no metric counts are left out: facts is how many there are of all metrics together.
{%- set read = metrics | selectattr("name", "in", audience.metrics) | list %}
{%- set used = grains | map(attribute="cuts") | map("list") | sum(start=[]) %}
{%- set finest = [] %}
{%- for grain in grains if grain.made_of not in finest %}{% set _ = finest.append(grain.made_of) %}{% endfor %}
{#- Metrics have aggregates in common, above all count(*): each is added up once, under the name of its first column. #}
{%- set measured = [] %}
{%- set first = {} %}
{%- set added = {} %}
{%- for metric in read or metrics %}
{%- for column in sums_of[metric.name] %}
{%- set name = first.setdefault((column.aggregate, column.condition), column.name) %}
{%- set _ = added.update({column.name: name}) %}
{%- if name == column.name %}{% set _ = measured.append(column) %}{% endif %}
{%- endfor %}
{%- endfor %}
{%- set conditions = measured | map(attribute="condition") | select | unique | list %}
{%- set is_signed = scope == "changes" %}
with {% if is_signed -%}
part_now as (
    {% with scope = "affected" %}{% include "reporting/sql/metrics/part.jinja" %}{% endwith %}
),

part_was as (
    {% with scope = "was" %}{% include "reporting/sql/metrics/part.jinja" %}{% endwith %}
),

part as (
    select * from part_now
    union all
    select
        p.grain
        {%- for cut in cuts %},
        p.{{ cut.name }}
        {%- endfor %}
        {%- for condition in conditions %},
        p.filter_{{ loop.index }}
        {%- endfor %}
        {%- for column in measured %},
        -p.{{ column.name }}
        {%- endfor %}
    from part_was as p
),
{%- else -%}
part as (
    {% include "reporting/sql/metrics/part.jinja" %}
),
{%- endif %}

-- Of which rows a grain is made, which cuts it has, and which metrics are read by it.
grain (
    number, made_of, cuts
    {%- for cut in cuts %}, has_{{ cut.name }}{% endfor %}
    {%- for metric in read %}, has_{{ metric.name }}{% endfor %}
) as (
    values
    {%- for grain in grains %}
    (
        {{ loop.index }}, {{ parts.number_of(cuts, used, grain.made_of) }}, '{{ grain.cuts | join(", ") }}'
        {%- for cut in cuts %}, {{ "true" if cut.name in grain.cuts else "false" }}{% endfor %}
        {%- for metric in read %}, {{ "true" if grain.cuts in audience.metrics[metric.name] else "false" }}{% endfor %}
    ){{ "," if not loop.last }}
    {%- endfor %}
),

added_up as (
    select
        g.number
        {%- for cut in cuts %},
        case when g.has_{{ cut.name }} then p.{{ cut.name }} end as {{ cut.name }}
        {%- endfor %}
        {%- for column in measured %},
        {{ "published.sum_of_counts" if column.type == "bigint" else "sum" }}(p.{{ column.name }})
        {%- if column.condition %} filter (where p.filter_{{ conditions.index(column.condition) + 1 }}){% endif %}
        as {{ column.name }}
        {%- endfor %}
    from part as p
    inner join grain as g on p.grain = g.made_of
    group by 1{% for cut in cuts %}, {{ loop.index + 1 }}{% endfor %}
),

of_grain as (
    select
        a.*,
        g.cuts,
        {%- for metric in read %}
        g.has_{{ metric.name }},
        {%- endfor %}
        0::bigint
        {%- for metric in read %}
        + case when g.has_{{ metric.name }} then coalesce(a.{{ added[metric.name ~ "_facts"] }}, 0) else 0 end
        {%- endfor %} as facts
    from added_up as a
    inner join grain as g on a.number = g.number
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
    {%- if metric in read and is_signed %}
    case when a.has_{{ metric.name }} then coalesce(a.{{ added[column.name] }}, 0) else 0 end::{{ column.type }}
    as {{ column.name }}
    {%- elif metric in read %}
    case
        when a.has_{{ metric.name }} and a.{{ added[metric.name ~ "_facts"] }} > 0 then a.{{ added[column.name] }}
    end::{{ column.type }} as {{ column.name }}
    {%- elif is_signed %}
    0::{{ column.type }} as {{ column.name }}
    {%- else %}
    null::{{ column.type }} as {{ column.name }}
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
from of_grain as a
where {{ "false" if not read else "true" if is_signed else "a.facts > 0" }}
