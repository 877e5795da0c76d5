-- The tables of the schema $1 whose name begins with $2, each with its columns in their order.
select
    c.relname as name,
    array_agg(a.attname::text order by a.attnum) as columns
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_attribute as a on c.oid = a.attrelid
where
    n.nspname = $1
    and c.relkind in ('r', 'p')
    and starts_with(c.relname, $2)
    and a.attnum > 0
    and not a.attisdropped
group by c.relname
order by c.relname;
