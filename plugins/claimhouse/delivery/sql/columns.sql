-- The columns of a query, without rows.
select q.*
from (
    {{ query }}
) as q
where false;
