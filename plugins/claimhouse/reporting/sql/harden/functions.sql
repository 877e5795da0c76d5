-- What PostgreSQL lets everybody do, and readers need not: take advisory locks, keep large objects, end sessions of
-- their role, write into the server's log of changes, run blocks of a procedural language, connect to the databases
-- that every server has; and what tells of others' rows, rights and work: statistics, sizes, grants. Needs a
-- superuser, else nothing is done. Can be repeated. Plain SQL, for psql too.
do $$
declare
    place record;
    task text;
    list text;
    tasks constant text[] := array(
        select r.rolname
        from pg_roles as r
        where
            not r.rolsuper
            and (
                r.rolname in ('claimhouse', 'claimhouse_loader', 'claimhouse_deliverer')
                or r.oid in (select d.datdba from pg_database as d where d.datname = current_database())
                or r.oid in (select n.nspowner from pg_namespace as n)
            )
    );
    -- A connection of the pages takes the lock that keeps upgrades away.
    pages constant text[] := array(
        select r.rolname
        from pg_roles as r
        where r.rolname in ('claimhouse_pages', 'claimhouse_reviewer')
    );
begin
    if not (select r.rolsuper from pg_roles as r where r.rolname = current_user) then
        return;
    end if;

    for place in
        select
            p.oid::regprocedure as name,
            p.oid,
            p.proname ~ '^pg_stat_get_|_size$|^pg_lock_status$' as is_monitored,
            -- a load, a delivery and a publication lock, measure and end sessions
            p.proname ~ '^(pg|has)_' and p.proname <> 'pg_logical_emit_message' as is_of_tasks,
            p.proname ~ '^pg_(try_)?advisory_' as is_of_pages,
            p.proacl is null or exists (select from aclexplode(p.proacl) as a where a.grantee = 0) as is_open
        from pg_proc as p
        where
            p.pronamespace = 'pg_catalog'::regnamespace
            and (
                -- what somebody else may do; a session asks about itself without a name
                p.proname ~ '^has_.+_privilege$'
                and p.pronargs = case p.proname when 'has_column_privilege' then 4 else 3 end
                or p.proname ~ concat_ws(
                    '|', '^pg_(try_)?advisory_', '^lo_', '^loread$', '^lowrite$',
                    '^pg_(cancel|terminate)_backend$', '^pg_logical_emit_message$', '^pg_export_snapshot$',
                    '^pg_stat_get_', '^pg_(relation|table|indexes|total_relation|database|tablespace)_size$',
                    '^pg_relation_file(node|path)$', '^pg_filenode_relation$', '^pg_control_',
                    '^pg_current_wal_', '^pg_last_(wal|xact|committed)_', '^pg_xact_commit_timestamp',
                    '^pg_(lock_status|blocking_pids|safe_snapshot_blocking_pids)$', '^pg_get_replication_slots$',
                    '^pg_prepared_xact$', '^pg_get_acl$', '^pg_wal_summary_', '^pg_available_wal_'
                )
            )
    loop
        if place.is_open then
            execute format('revoke execute on function %s from public', place.name);
        end if;
        foreach task in array tasks loop
            if place.is_of_tasks and not has_function_privilege(task, place.oid, 'execute') then
                execute format('grant execute on function %s to %I', place.name, task);
            end if;
        end loop;
        foreach task in array pages loop
            if place.is_of_pages and not has_function_privilege(task, place.oid, 'execute') then
                execute format('grant execute on function %s to %I', place.name, task);
            end if;
        end loop;
        if place.is_monitored and not has_function_privilege('pg_monitor', place.oid, 'execute') then
            execute format('grant execute on function %s to pg_monitor', place.name);
        end if;
    end loop;

    for place in
        select
            l.lanname as name,
            l.oid,
            l.lanacl is null or exists (select from aclexplode(l.lanacl) as a where a.grantee = 0) as is_open
        from pg_language as l
        where l.lanispl and l.lanpltrusted
    loop
        if place.is_open then
            execute format('revoke usage on language %I from public', place.name);
        end if;
        foreach task in array tasks loop
            if place.name = 'plpgsql' and not has_language_privilege(task, place.oid, 'usage') then
                execute format('grant usage on language %I to %I', place.name, task);
            end if;
        end loop;
    end loop;

    -- Numbers of rows and pages, and who may read what. Everything else of pg_class is what drivers ask for.
    if exists (
        select
        from pg_class as c
        cross join lateral aclexplode(c.relacl) as a
        where c.oid = 'pg_class'::regclass and a.grantee = 0
    ) then
        revoke select on pg_catalog.pg_class from public;
        execute format(
            'grant select (%s) on pg_catalog.pg_class to public',
            (
                select string_agg(quote_ident(a.attname), ', ')
                from pg_attribute as a
                where
                    a.attrelid = 'pg_class'::regclass
                    and a.attname not in (
                        'reltuples', 'relpages', 'relallvisible', 'relallfrozen', 'relfilenode', 'relfrozenxid',
                        'relminmxid', 'relacl'
                    )
            )
        );
        grant select on pg_catalog.pg_class to pg_monitor;
    end if;
    -- Which role has a grant on what.
    if exists (
        select
        from pg_class as c
        cross join lateral aclexplode(c.relacl) as a
        where c.oid = 'pg_shdepend'::regclass and a.grantee = 0
    ) then
        revoke select on pg_catalog.pg_shdepend from public;
        grant select on pg_catalog.pg_shdepend to pg_monitor;
    end if;
    foreach list in array array['pg_class', 'pg_shdepend'] loop
        foreach task in array tasks loop
            if not has_table_privilege(task, list, 'select') then
                execute format('grant select on pg_catalog.%I to %I', list, task);
            end if;
        end loop;
    end loop;

    -- Where a reader could keep what it may not keep here, and see how much is written here.
    for place in
        select d.datname as name
        from pg_database as d
        where
            d.datname in ('postgres', 'template1') and d.datname <> current_database()
            and (d.datacl is null or exists (select from aclexplode(d.datacl) as a where a.grantee = 0))
    loop
        begin
            execute format('revoke connect, temporary on database %I from public', place.name);
        -- "tuple concurrently updated": another warehouse does it
        exception when internal_error then null;
        end;
    end loop;
end
$$;
