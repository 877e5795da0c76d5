-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Count and amounts of the copies that copies.sql set aside when rows were read again, and how many had been accepted.
select
    c.is_identical,
    count(*) as row_count,
    count(*) filter (where c.row_number not in (select r.row_number from tried_row as r)) as accepted_before
    {%- for column in amounts %},
    coalesce(sum(c.{{ column.name }}), 0) as {{ column.name }}{% endfor %}
from copy_of_record as c
group by c.is_identical;
