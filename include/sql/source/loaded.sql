-- What the source table really holds of one batch: rows, and the sum of each amount.
select
    count(*) as rows_accepted
    {%- for column in amounts %}
        ,
        coalesce(sum({{ column.name }}), 0) as {{ column.name }}{% endfor %}
from {{ schema }}.{{ feed }}
where batch_id = {{ batch_id }};
