-- Every cell of now, of the version before and of what is shown.
select
    {% for key in keys %}{{ key }}, {% endfor -%}
    c.{{ count }} as now_count,
    b.{{ count }} as before_count,
    b.is_hidden as was_hidden,
    s.{{ count }} as shown_count
from counted as c
full join summary.{{ name }}_counted as b using ({{ keys | join(", ") }})
full join summary.{{ name }} as s using ({{ keys | join(", ") }});
