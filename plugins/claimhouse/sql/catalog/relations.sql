-- The tables and views of the schema $1.
select c.relname as name
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm')
order by c.relname;
