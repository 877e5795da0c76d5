-- $1: reports; $2: beside each, the columns of an index, separated by commas. The partitions that have none such.
select
    c.relname as partition,
    w.columns
from unnest($1::text[], $2::text[]) as w (report, columns)
inner join pg_class as p on p.relnamespace = 'published'::regnamespace and w.report = p.relname
inner join pg_inherits as i on p.oid = i.inhparent
inner join pg_class as c on i.inhrelid = c.oid
where
    not exists (
        select
        from pg_index as x
        where
            x.indrelid = c.oid
            and (
                select string_agg(a.attname, ', ' order by k.position)
                from unnest(x.indkey::smallint[]) with ordinality as k (number, position)
                inner join pg_attribute as a on x.indrelid = a.attrelid and k.number = a.attnum
            ) = w.columns
    )
order by c.relname, w.columns;
