-- $1: reports; $2: beside each, the columns of an index, separated by commas. The partitions that have none such.
with place as (
    select
        c.oid,
        p.relname as report,
        c.relname as partition
    from pg_class as p
    inner join pg_inherits as i on p.oid = i.inhparent
    inner join pg_class as c on i.inhrelid = c.oid
    where p.relnamespace = 'published'::regnamespace and p.relname = any($1::text[])
),

existing as materialized (
    select
        x.indrelid,
        string_agg(a.attname, ', ' order by k.position) as columns
    from place as t
    inner join pg_index as x on t.oid = x.indrelid
    cross join lateral unnest(x.indkey::smallint[]) with ordinality as k (number, position)
    inner join pg_attribute as a on x.indrelid = a.attrelid and k.number = a.attnum
    group by x.indrelid, x.indexrelid
)

select
    t.partition,
    w.columns
from unnest($1::text[], $2::text[]) as w (report, columns)
inner join place as t on w.report = t.report
left join existing as e on t.oid = e.indrelid and w.columns = e.columns
where e.indrelid is null
order by t.partition, w.columns;
