-- Every cell that is counted now, was counted in the previous version, or is published.
{% macro differ(one, other) -%}
    ({% for column in of_others %}{{ one }}.{{ column }} is distinct from {{ other }}.{{ column }}{{ " or " if not loop.last }}{% endfor %})
{%- endmacro %}
with previous as (
    select n.*
    from counts.{{ name }}_unsuppressed as n
    where n.source_system = '{{ source }}'
),

published as (
    select n.*
    from counts.{{ name }} as n
    where n.source_system = '{{ source }}'
)

select
    {% for key in keys %}{{ key }}, {% endfor -%}
    c.{{ count }} as new_count,
    c.is_closed,
    u.{{ count }} as previous_count,
    u.is_hidden as was_hidden,
    u.is_closed as was_closed,
    p.{{ count }} as published_count,
    {{ differ("c", "u") }} as has_changed,
    p.{{ count }} is not null and {{ differ("c", "p") }} as is_unpublished
from counted as c
full join previous as u using ({{ keys | join(", ") }})
full join published as p using ({{ keys | join(", ") }})
-- What is hidden beside small cells depends on the order.
order by {{ keys | join(", ") }};
