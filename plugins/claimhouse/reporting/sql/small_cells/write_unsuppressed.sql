-- noqa: disable=LT02,LT05
-- The lists are laid out as written, not as rendered.
-- $1: the cells of the partitions to refresh as JSON, each with whether its new value must be hidden.
merge into counts.{{ name }}_unsuppressed as t
using (
    select
        c.*,
        j.is_hidden
    from counted as c
    inner join jsonb_to_recordset($1::jsonb) as j (
        {% for key in keys %}{{ key }} text, {% endfor %}is_hidden boolean
    ) using ({{ keys | join(", ") }})
) as w on {% for key in keys %}t.{{ key }} = w.{{ key }}{{ " and " if not loop.last }}{% endfor %}
when matched then update set
{% for column in values %}{{ column }} = w.{{ column }}, {% endfor %}is_closed = w.is_closed, is_hidden = w.is_hidden
when not matched then insert ({{ (keys + values) | join(", ") }}, is_closed, is_hidden)
values ({% for column in keys + values %}w.{{ column }}, {% endfor %}w.is_closed, w.is_hidden)
when not matched by source and ({{ partition_by | join(", ") }}) in (
    select {% for column in partition_by %}j.{{ column }}{{ ", " if not loop.last }}{% endfor %}
    from jsonb_to_recordset($1::jsonb) as j ({% for column in partition_by %}{{ column }} text{{ ", " if not loop.last }}{% endfor %})
) then delete;
