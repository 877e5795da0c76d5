-- noqa: disable=LT02,LT05,LT01,LT12 (the list is laid out as written, not as rendered)
-- How many accepted rows of a batch have no value in each column.
select
    {%- for column in columns %}
    count(*) - count(r.{{ column.name }}) as nulls_{{ loop.index }}{{ "," if not loop.last }}
    {%- endfor %}
from {{ schema }}.{{ feed }} as r
where r.batch_id = {{ batch_id }};
