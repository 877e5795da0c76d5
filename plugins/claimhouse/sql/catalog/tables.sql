-- The tables of the schema $1 whose name begins with $2.
select c.relname as name
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where n.nspname = $1 and c.relkind in ('r', 'p') and starts_with(c.relname, $2)
order by c.relname;
