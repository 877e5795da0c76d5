{% from "reporting/sql/views/published.jinja" import published with context %}
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The value of a metric is made of its parts where it is read, so that nobody averages a finished ratio.
{%- if is_additive %}
{%- set numerator = "t." ~ metric.name ~ "_numerator::numeric" %}
{%- set denominator = "t." ~ metric.name ~ "_denominator::numeric" if metric.denominator else "null::numeric" %}
{%- set unknown = "t." ~ metric.name ~ "_unknown" if metric.unknown else "null::bigint" %}
{%- else %}
{%- set numerator, denominator, unknown = "t.numerator", "t.denominator", "t.unknown_count" %}
{%- endif %}
select
    t.source_system,
    t.cuts,
    {%- for cut in cuts %}
    t.{{ cut.name }},
    {%- endfor %}
    {{ numerator }} as numerator,
    {{ denominator }} as denominator,
    {%- if metric.kind == "median" %}
    t.median as value,
    {%- elif metric.kind in ("ratio", "share_of_members") %}
    {{ numerator }} / nullif({{ denominator }}, 0) as value,
    {%- else %}
    {{ numerator }} as value,
    {%- endif %}
    {{ unknown }} as unknown_count,
    t.as_of
from {{ published(table) }} as t
{%- if is_additive %}
where t.{{ metric.name }}_facts > 0
{%- endif %}
