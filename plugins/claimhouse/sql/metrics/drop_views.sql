-- Drops all views of the schema at once: some read others.
do $$
declare
    views text;
begin
    select string_agg(format('metrics.%I', c.relname), ', ')
    into views
    from pg_class as c
    where c.relnamespace = 'metrics'::regnamespace and c.relkind = 'v';
    if views is not null then
        execute 'drop view ' || views;
    end if;
end
$$;
