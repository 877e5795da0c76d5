-- noqa: disable=LT02,LT05,LT01,LT12 (the lists are laid out as written, not as rendered)
-- Keep the amounts of the rows that copies.sql set aside: they tell a later reversal.
update quality.quarantine as q
set amounts = jsonb_build_object(
    {%- for column in amounts %}
    '{{ column.name }}', c.{{ column.name }}{{ ',' if not loop.last }}
    {%- endfor %}
)
from copy_of_record as c
where q.batch_id = {{ batch_id }} and q.row_number = c.row_number and not c.is_identical;
