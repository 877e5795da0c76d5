-- The two tables of a count table: what was counted, which only the owner reads, and what is published. If the
-- columns have changed both start empty.
drop table if exists pg_temp.counted;
create temporary table counted on commit drop as
select
    c.*,
    now() as as_of,
    false as is_closed
from pg_temp.counting as c
with no data;
do $$
begin
    if (
        select array_agg(a.attname || ' ' || a.atttypid::regtype order by a.attnum)
        from pg_attribute as a
        where
            a.attrelid = to_regclass('counts.{{ name }}_unsuppressed')
            and a.attnum > 0 and a.attname <> 'is_hidden'
    ) is distinct from (
        select array_agg(a.attname || ' ' || a.atttypid::regtype order by a.attnum)
        from pg_attribute as a
        where a.attrelid = 'pg_temp.counted'::regclass and a.attnum > 0
    ) then
        drop table if exists counts.{{ name }}_unsuppressed, counts.{{ name }} cascade;
        delete from published.basis as b where b.report = 'counts.{{ name }}';
        create table counts.{{ name }}_unsuppressed as
        select
            c.*,
            false as is_hidden
        from counted as c
        limit 0;
        create table counts.{{ name }} as
        select
            {% for column in columns %}c.{{ column }}, {% endfor %}c.as_of,
            false as is_hidden
        from counted as c
        limit 0;
        comment on table counts.{{ name }}_unsuppressed is 'All cells as counted. Readers see counts.{{ name }}';
        comment on column counts.{{ name }}_unsuppressed.is_closed is
        'Whether the year was closed when this was counted: a later correction waits';
        comment on table counts.{{ name }} is
        'The cells as published: NULL where suppressed. as_of is when the data behind a cell were loaded';
        comment on column counts.{{ name }}.client is
        'Whom the cell is for: a client or role. What it knows itself is part of no cell but its own';
    end if;
end
$$;
