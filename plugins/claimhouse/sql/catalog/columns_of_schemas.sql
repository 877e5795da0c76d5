-- The columns of all tables in the schemas $1, and their types, without what a load keeps for a while.
select
    n.nspname as schema,
    c.relname as relation,
    a.attname as name,
    format_type(a.atttypid, a.atttypmod) as type
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_attribute as a on c.oid = a.attrelid
where
    n.nspname = any($1::text[])
    and c.relkind = 'r'
    and a.attnum > 0
    and not a.attisdropped
    and c.relname not like 'loading\_%'
order by n.nspname, c.relname, a.attnum;
