-- The tables of the schemas $1, and whether each is a view.
select
    n.nspname as schema_name,
    c.relname as relation_name,
    c.relkind = 'v' as is_view
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where n.nspname = any($1::text[]) and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
order by n.nspname, c.relname;
