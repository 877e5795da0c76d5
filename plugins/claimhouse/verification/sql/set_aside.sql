-- Copies set aside by copies.sql: how many, and how much money, identical and conflicting.
select
    is_identical,
    count(*) as row_count
    {%- for column in amounts %}
        ,
        coalesce(sum({{ column.name }}), 0) as {{ column.name }}{% endfor %}
from copy_of_record
group by is_identical;
