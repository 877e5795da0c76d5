-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- What reading a batch again has changed: rows that are accepted no more, rows that are now, and values of the others.
with now_accepted as (
    select t.* from {{ schema }}.{{ feed }} as t
    where t.batch_id = {{ batch_id }}
)

select
    count(*) filter (where n.row_number is null) as rows_left__,
    count(*) filter (where b.row_number is null) as rows_added__
    {%- for column in columns %},
    count(*) filter (
        where n.row_number = b.row_number and b.{{ column.name }} is distinct from n.{{ column.name }}
    ) as {{ column.name }}
    {%- endfor %}
from row_before as b
full join now_accepted as n on b.row_number = n.row_number;
