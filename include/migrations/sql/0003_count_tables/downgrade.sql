alter schema counts rename to summary;

do $$
declare
    name text;
begin
    for name in
        select c.relname
        from pg_class as c
        where c.relnamespace = 'summary'::regnamespace and c.relkind = 'r' and c.relname like '%\_unsuppressed'
    loop
        execute format('alter table summary.%I rename to %I', name, regexp_replace(name, '_unsuppressed$', '_counted'));
    end loop;
end
$$;
