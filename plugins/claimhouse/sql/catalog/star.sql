-- The facts, bridges and dimensions of the star: their comments, primary keys and columns.
select
    c.relname as name,
    coalesce(obj_description(c.oid, 'pg_class'), '') as comment,
    array(
        select a.attname::text
        from pg_constraint as k
        cross join lateral unnest(k.conkey) with ordinality as p (attnum, position)
        inner join pg_attribute as a on k.conrelid = a.attrelid and p.attnum = a.attnum
        where k.conrelid = c.oid and k.contype = 'p'
        order by p.position
    ) as primary_key,
    array(
        select a.attname::text
        from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    ) as columns
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where n.nspname = 'star' and c.relkind in ('r', 'p') and c.relname ~ '^(fact|bridge|dim)_'
order by c.relname;
