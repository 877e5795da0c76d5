{% from "dashboards/sql/conditions.jinja" import holding with context %}
-- noqa: disable=LT02,LT05,LT01 (the lists are laid out as written, not as rendered)
-- The least and the largest value of a field: the first in either order, which an index of the rows that a view joins
-- has. min() and max() of a view go through all of its rows.
select
    {%- for name, direction in (("least", "asc"), ("most", "desc")) %}
    (
        select {{ field }}
        from reporting.{{ relation }} as t
        where {{ field }} is not null {{ holding(conditions) }}
        order by {{ order }} {{ direction }}
        limit 1
    )::text as {{ name }}{{ "," if not loop.last }}
    {%- endfor %}
