-- $1: the tables and partitions that keep control totals. Those that do not yet begin to.
select published.control(c.oid)::text as controlled
from pg_class as c
where
    c.relnamespace = 'published'::regnamespace
    and c.relname = any($1::text[])
    and not exists (
        select
        from pg_trigger as g
        where g.tgrelid = c.oid and g.tgname = 'control_truncate'
    );
