-- How many rows a query yields.
select count(*) as row_count
from (
    {{ query }}
) as q;
