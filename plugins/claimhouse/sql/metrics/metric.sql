-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- One metric: its sums at the grain of all its cuts together.
create view metrics.{{ metric.name }} with (security_invoker = true) as
select
    {%- for cut in cuts %}
    {{ cut.table }}.{{ cut.column }} as {{ cut.name }},
    {%- endfor %}
    {%- if metric.kind == 'median' %}
    ({{ metric.numerator }})::numeric as value
    {%- elif metric.kind == 'share_of_members' %}
    {{ metric.member }} as member,
    bool_or({{ metric.numerator }}) as is_counted
    {%- elif metric.kind == 'ratio' %}
    ({{ metric.numerator }})::numeric as numerator,
    ({{ metric.denominator }})::numeric as denominator
    {%- if metric.unknown %},
    {{ metric.unknown }} as unknown_count
    {%- endif %}
    {%- else %}
    ({{ metric.numerator }})::numeric as numerator
    {%- endif %}
from {{ relation }} as {{ metric.fact }}
{%- for join in joins %}
left join star.{{ join.table }} as {{ join.table }}
    on {{ metric.fact }}.{{ join.key }} = {{ join.table }}.{{ join.key }}
{%- endfor %}
{%- if metric.filter %}
where {{ metric.filter }}
{%- endif %}
{%- if metric.kind != 'median' %}
group by
    {%- for cut in cuts %}
    {{ cut.table }}.{{ cut.column }}{{ ',' if not loop.last or metric.kind == 'share_of_members' }}
    {%- endfor %}
    {%- if metric.kind == 'share_of_members' %}
    {{ metric.member }}
    {%- endif %}
{%- endif %}
