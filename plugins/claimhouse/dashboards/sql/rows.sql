{% from "dashboards/sql/conditions.jinja" import holding with context %}
-- noqa: disable=LT02,LT05,LT01 (the lists are laid out as written, not as rendered)
-- Rows of a report as they are.
select
    {%- for field in fields %}
    {{ field }} as column_{{ loop.index0 }}{{ "," if not loop.last }}
    {%- endfor %}
from reporting.{{ relation }} as t
where {{ only }} {{ holding(conditions) }}
order by {{ order }}
limit {{ most }}
