-- $1: reports; $2: how many rows make a partition large. The columns of the reports that have a large partition, with
-- the most distinct values that one of them has, and the most bytes of a value.
select
    p.relname as report,
    s.attname as name,
    max(case when s.n_distinct < 0 then -s.n_distinct * c.reltuples else s.n_distinct end)::bigint as distinct_values,
    max(s.avg_width) as bytes
from pg_class as p
inner join pg_inherits as i on p.oid = i.inhparent
inner join pg_class as c on i.inhrelid = c.oid
inner join pg_stats as s on s.schemaname = 'published' and c.relname = s.tablename
where
    p.relnamespace = 'published'::regnamespace and p.relname = any($1::text[])
    and c.reltuples >= $2::integer
group by p.relname, s.attname
order by p.relname asc, distinct_values desc, s.attname asc;
