-- $1: reports; $2: beside each, the columns of one of its indexes, separated by commas. The indexes that partitions of
-- the reports lack, and those that they have beyond them. A name says which columns the index has.
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

wanted as (
    select
        t.partition,
        w.columns,
        case
            when w.columns = 'row_key' then t.partition || '_key'
            else
                left(t.partition || '_' || replace(w.columns, ', ', '_'), 54) || '_'
                || left(md5(t.partition || ' ' || w.columns), 8)
        end as name
    from unnest($1::text[], $2::text[]) as w (report, columns)
    inner join place as t on w.report = t.report
),

existing as materialized (
    select
        t.partition,
        i.relname as name
    from place as t
    inner join pg_index as x on t.oid = x.indrelid
    inner join pg_class as i on x.indexrelid = i.oid
)

select
    coalesce(w.partition, e.partition) as partition,
    coalesce(w.name, e.name) as name,
    w.columns,
    w.name is not null as is_wanted
from wanted as w
full join existing as e on w.partition = e.partition and w.name = e.name
where w.name is null or e.name is null
order by is_wanted desc, partition asc, name asc;
