-- Count and amounts of the identical and of the conflicting copies that copies.sql set aside.
select
    is_identical,
    count(*) as row_count
    {%- for column in amounts %}
        ,
        coalesce(sum({{ column.name }}), 0) as {{ column.name }}{% endfor %}
from copy_of_record
group by is_identical;
