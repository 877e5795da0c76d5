-- noqa: disable=LT02,LT05
-- The lists are laid out as written, not as rendered.
-- $1: the cells of the partitions to refresh as JSON, each with whether its new value must be hidden.
-- What the reader's own rows are part of changes with them, and the change would tell where the others lie: it is
-- written when those have changed too. A hidden cell keeps its published value, whatever it is now: an emptied cell would say that it has become small.
{% macro row_of(alias) -%}
    ({% for column in of_others %}{{ alias }}.{{ column }}{{ ", " if not loop.last }}{% endfor %})
{%- endmacro %}
{% macro unless_hidden(column) -%}
    {% if column == "as_of" %}w.as_of{% else %}case when not w.is_hidden then w.{{ column }} end{% endif %}
{%- endmacro %}
merge into counts.{{ name }} as t
using (
    select
        c.*,
        j.is_hidden
    from counted as c
    inner join jsonb_to_recordset($1::jsonb) as j (
        {% for key in keys %}{{ key }} text, {% endfor %}is_hidden boolean
    ) using ({{ keys | join(", ") }})
) as w on {% for key in keys %}t.{{ key }} = w.{{ key }}{{ " and " if not loop.last }}{% endfor %}
when matched and w.is_hidden and t.{{ count }} not between {{ small_cells[0] }} and {{ small_cells[-1] }}
    then update set is_hidden = true
when matched then update set
{% for column in values if column not in with_own %}{{ column }} = {{ unless_hidden(column) }}, {% endfor -%}
{% for column in with_own -%}
    {{ column }} = case
        when {{ row_of("t") }} = {{ row_of("w") }} then t.{{ column }}
        else {{ unless_hidden(column) }}
    end,
{%- endfor %}is_hidden = w.is_hidden
when not matched then insert ({{ (keys + values) | join(", ") }}, is_hidden)
values (
    {% for key in keys %}w.{{ key }}, {% endfor %}{% for column in values %}{{ unless_hidden(column) }}, {% endfor %}w.is_hidden
)
when not matched by source and ({{ partition_by | join(", ") }}) in (
    select {% for column in partition_by %}j.{{ column }}{{ ", " if not loop.last }}{% endfor %}
    from jsonb_to_recordset($1::jsonb) as j ({% for column in partition_by %}{{ column }} text{{ ", " if not loop.last }}{% endfor %})
) then delete;
