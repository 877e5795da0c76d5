-- The schema, name and columns of each relation of the ids $1, the columns in their order.
select
    c.oid::bigint as id,
    n.nspname as schema,
    c.relname as name,
    array_agg(a.attname order by a.attnum) as columns,
    array_agg(a.attnum order by a.attnum) as numbers
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
where c.oid = any($1::oid[])
group by c.oid, n.nspname, c.relname;
