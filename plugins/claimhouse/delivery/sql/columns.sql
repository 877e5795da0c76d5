-- The columns of a query, and none of its rows.
select q.*
from (
    {{ query }}
) as q
where false;
