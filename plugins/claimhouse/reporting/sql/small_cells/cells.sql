-- Every cell that is counted now, was counted in the previous version, or is published.
select
    {% for key in keys %}{{ key }}, {% endfor -%}
    c.{{ count }} as new_count,
    u.{{ count }} as previous_count,
    u.is_hidden as was_hidden,
    p.{{ count }} as published_count
from counted as c
full join counts.{{ name }}_unsuppressed as u using ({{ keys | join(", ") }})
full join counts.{{ name }} as p using ({{ keys | join(", ") }});
