{% from "dashboards/sql/conditions.jinja" import holding with context %}
-- noqa: disable=LT02,LT05,LT01 (the lists are laid out as written, not as rendered)
-- The values of a field, and how many rows have each.
select
    {{ field }}::text as value,
    count(*) as row_count
from reporting.{{ relation }} as t
where true {{ holding(conditions) }}
group by {{ field }}
order by row_count desc, value asc
limit {{ most }}
