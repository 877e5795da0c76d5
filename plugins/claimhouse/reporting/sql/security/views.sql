-- The views of the reporting schema that its owner holds, to be laid anew.
select c.relname as view_name
from pg_class as c
where c.relnamespace = 'reporting'::regnamespace and c.relkind = 'v'
order by c.oid desc;
