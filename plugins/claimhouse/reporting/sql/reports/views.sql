-- The views of the schema reporting, in the order in which they can be dropped.
select c.relname as view_name
from pg_class as c
where c.relnamespace = 'reporting'::regnamespace and c.relkind = 'v'
order by c.oid desc;
