{% from "dashboards/sql/conditions.jinja" import holding with context %}
-- noqa: disable=LT02,LT05,LT01 (the lists are laid out as written, not as rendered)
-- The least and the largest value of a field.
select
    min({{ field }})::text as least,
    max({{ field }})::text as most
from reporting.{{ relation }} as t
where true {{ holding(conditions) }}
