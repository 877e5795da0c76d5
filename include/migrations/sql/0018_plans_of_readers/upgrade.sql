-- Without pruning, a plan holds the partitions of everybody, and explain analyze counts the rows of each. Nobody is
-- audience 0: of an audience that is NULL, all partitions are planned before the condition is seen to hold for none.
create or replace function security.bound_audience() returns integer
language plpgsql immutable parallel restricted security definer
set search_path = pg_catalog, pg_temp
set debug_print_parse = off
set debug_print_rewritten = off
set debug_print_plan = off
as $$
begin
    if not current_setting('enable_partition_pruning')::boolean then
        raise exception 'reports are read with enable_partition_pruning = on'
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    return coalesce((select l.audience from security.login as l where l.login = security.bound_login()), 0);
end
$$;

-- Joins and groups are estimated from the statistics of the partitioned table, which are of all audiences' rows.
-- They are estimated without; those of each partition stay.
do $$
declare
    place record;
begin
    for place in
        select
            c.oid::regclass as name,
            a.attname
        from pg_class as c
        inner join pg_attribute as a on c.oid = a.attrelid
        where
            c.relnamespace = 'published'::regnamespace and c.relkind = 'p'
            and a.attnum > 0 and not a.attisdropped
    loop
        execute format('alter table only %s alter column %I set statistics 0', place.name, place.attname);
    end loop;
end
$$;
