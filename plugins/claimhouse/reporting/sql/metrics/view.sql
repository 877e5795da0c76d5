{% from "reporting/sql/views/published.jinja" import published with context %}
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The value of a metric is made of its parts where it is read, so that nobody averages a finished ratio.
select
    t.source_system,
    t.cuts,
    {%- for cut in cuts %}
    t.{{ cut.name }},
    {%- endfor %}
    t.numerator,
    t.denominator,
    {%- if metric.kind == "median" %}
    t.median as value,
    {%- elif metric.kind in ("ratio", "share_of_members") %}
    t.numerator / nullif(t.denominator, 0) as value,
    {%- else %}
    t.numerator as value,
    {%- endif %}
    t.unknown_count,
    t.as_of
from {{ published(table) }} as t
{%- if is_additive %}
where t.metric = '{{ metric.name }}'
{%- endif %}
