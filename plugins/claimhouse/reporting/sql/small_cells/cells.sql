-- Every cell that is counted now, was counted in the previous version, or is published.
{% macro differ(one, other) -%}
    ({% for column in of_others %}{{ one }}.{{ column }} is distinct from {{ other }}.{{ column }}{{ " or " if not loop.last }}{% endfor %})
{%- endmacro %}
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
full join counts.{{ name }}_unsuppressed as u using ({{ keys | join(", ") }})
full join counts.{{ name }} as p using ({{ keys | join(", ") }});
