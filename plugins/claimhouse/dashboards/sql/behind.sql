{% from "dashboards/sql/conditions.jinja" import from_place, holding with context %}
-- noqa: disable=LT02,LT05,LT01 (the lists are laid out as written, not as rendered)
-- Rows of a report from a place on, in the order of all their columns; the columns once more as text, which is a place.
select
    {%- for field in fields %}
    {{ field }} as column_{{ loop.index0 }},
    {%- endfor %}
    {%- for field in keys %}
    {{ field }}::text as place_{{ loop.index0 }}{{ "," if not loop.last }}
    {%- endfor %}
from reporting.{{ relation }} as t
where true {{ holding(conditions) }}
{%- if place %}
    and {{ from_place(place) }}
{%- endif %}
order by {{ keys | join(", ") }}
limit {{ most }}
offset {{ skip }}
