-- The relations that the SELECT of the count table reads.
select distinct
    n.nspname like 'pg_temp%' as is_temporary,
    n.nspname as schema,
    c.relname as relation
from pg_depend as d
inner join pg_rewrite as w on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
inner join pg_class as c on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
where w.ev_class = 'pg_temp.counting'::regclass and c.oid <> w.ev_class
order by n.nspname, c.relname;
