-- Row-level security of the tables that internal readers read directly, the source tables and the star: all rows or
-- none.
do $$
declare
    place record;
    readers text;
    rule text;
begin
    for place in
        select
            n.nspname,
            c.relname,
            c.relrowsecurity,
            split_part(n.nspname, '_', 1) as kind,
            p.polroles
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        left join pg_policy as p on c.oid = p.polrelid and p.polname = 'internal'
        where c.relkind in ('r', 'p') and (n.nspname = 'star' or n.nspname like 'source\_%')
        order by n.nspname, c.relname
    loop
        if place.kind = 'source' then
            if not place.relrowsecurity then
                execute format('alter table %I.%I enable row level security', place.nspname, place.relname);
            end if;
            if not exists (
                select
                from pg_policy as p
                where p.polrelid = format('%I.%I', place.nspname, place.relname)::regclass and p.polname = 'raw'
            ) then
                execute format(
                    'create policy raw on %I.%I for select to raw_owner using (exists (
                        select from security.reader_entitlement as e
                        where e.kind = ''feed'' and e.source_system = %L and e.value = %L))',
                    place.nspname, place.relname, substr(place.nspname, 8), place.relname
                );
            end if;
        end if;

        -- A table of the star without a policy of its own: the views show the rows of sources of which the reader
        -- sees every row, without the encounters that are hidden from it.
        if place.kind = 'star' and not exists (
            select
            from pg_policy as p
            where p.polrelid = format('star.%I', place.relname)::regclass and p.polname = 'reporting'
        ) then
            select string_agg(
                case a.attname
                    when 'source_system' then
                        'source_system in (select e.source_system from security.reader_entitlement as e '
                        || 'where e.kind = ''every_row'')'
                    else
                        '(source_system, encounter_id) not in (select h.source_system, h.encounter_id '
                        || 'from security.hidden_encounter as h)'
                end,
                ' and '
            )
            into rule
            from pg_attribute as a
            where
                a.attrelid = format('star.%I', place.relname)::regclass
                and a.attname in ('source_system', 'encounter_id') and not a.attisdropped;
            execute format(
                'create policy reporting on star.%I for select to reporting_owner, identified_owner, metrics_owner '
                || 'using (%s)', place.relname, coalesce(rule, 'true')
            );
        end if;

        select string_agg(format('%I', l.login), ', ' order by l.login)
        into readers
        from security.login as l
        inner join security.client as c on l.client = c.client
        where place.kind = any(c.schemas);

        -- A policy without a role would apply to everybody. A policy that is right is not touched: a change waits
        -- for everybody who reads the table.
        if readers is null and place.polroles is not null then
            execute format('drop policy internal on %I.%I', place.nspname, place.relname);
        elsif readers is not null and place.polroles is null then
            execute format(
                'create policy internal on %I.%I for select to %s using (true)', place.nspname, place.relname, readers
            );
        elsif readers is not null and (
            select string_agg(format('%I', r.rolname), ', ' order by r.rolname)
            from pg_roles as r
            where r.oid = any(place.polroles)
        ) is distinct from readers then
            execute format('alter policy internal on %I.%I to %s', place.nspname, place.relname, readers);
        end if;
    end loop;

    grant select on all tables in schema star to identified_owner, metrics_owner;
    grant select on all tables in schema reference to reporting_owner, identified_owner, metrics_owner;
end
$$;
