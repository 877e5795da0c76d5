{% from "dashboards/sql/conditions.jinja" import holding with context %}
-- noqa: disable=LT02,LT05,LT01 (the lists are laid out as written, not as rendered)
-- All rows of a report that are asked for, to be read piece by piece.
select
    {%- for field in fields %}
    {{ field }}{{ "," if not loop.last }}
    {%- endfor %}
from reporting.{{ relation }} as t
where true {{ holding(conditions) }}
order by {{ keys | join(", ") }}
limit {{ most }}
