-- Make the grants of all readers agree with security.login and security.client. The views of the reports have just
-- been created and have no grants yet.
do $$
declare
    reader record;
    place record;
    report text;
begin
    execute format('revoke connect, temporary on database %I from public', current_database());

    -- Revoke the access of roles that are no longer listed; a person's role can no longer log in.
    for reader in
        select distinct
            n.nspname,
            r.rolname,
            r.rolcanlogin and r.rolname ~ '^(client|staff)_'
            and r.rolname not in (select l.login from security.login as l) as must_close
        from pg_namespace as n
        cross join lateral aclexplode(n.nspacl) as a
        inner join pg_roles as r on a.grantee = r.oid
        where
            a.grantee <> n.nspowner
            and r.rolname not in ('reporting_owner', 'identified_owner', 'raw_owner', 'metrics_owner')
            and (
                n.nspname = 'reporting'
                and r.rolname not in (select l.login from security.login as l)
                and r.rolname <> 'tableau_service'
                or (n.nspname in ('star', 'metrics', 'reference') or n.nspname like 'source\_%')
                and r.rolname not in (
                    select l.login
                    from security.login as l
                    inner join security.client as c on l.client = c.client
                    where split_part(n.nspname, '_', 1) = any(c.schemas)
                        or n.nspname = 'reference' and 'star' = any(c.schemas)
                )
            )
    loop
        execute format('revoke all on schema %I from %I', reader.nspname, reader.rolname);
        execute format('revoke all on all tables in schema %I from %I', reader.nspname, reader.rolname);
        if reader.nspname = 'reporting' then
            execute format('revoke connect on database %I from %I', current_database(), reader.rolname);
        end if;
        if reader.must_close then
            execute format('alter role %I nologin', reader.rolname);
        end if;
    end loop;

    for reader in
        select
            l.login,
            c.reports,
            c.schemas,
            c.privacy_level
        from security.login as l
        inner join security.client as c on l.client = c.client
        order by l.login
    loop
        execute format('grant usage on schema reporting to %I', reader.login);
        execute format('grant connect on database %I to %I', current_database(), reader.login);
        foreach report in array reader.reports loop
            if to_regclass(format('reporting.%I', report)) is not null then
                execute format('grant select on reporting.%I to %I', report, reader.login);
            end if;
        end loop;
        for place in
            select n.nspname
            from pg_namespace as n
            where
                (n.nspname in ('star', 'metrics') or n.nspname like 'source\_%')
                and split_part(n.nspname, '_', 1) = any(reader.schemas)
                or n.nspname = 'reference' and 'star' = any(reader.schemas)
        loop
            execute format('grant usage on schema %I to %I', place.nspname, reader.login);
            execute format('grant select on all tables in schema %I to %I', place.nspname, reader.login);
        end loop;
        -- A metric that counts people has their identifiers in the column member. Readers who may not see
        -- identifiers read the other columns, and the counts in metrics.roll_up.
        if 'metrics' = any(reader.schemas) and reader.privacy_level <> 'identified' then
            for place in
                select
                    c.relname,
                    string_agg(format('%I', o.attname), ', ') as others
                from pg_class as c
                inner join pg_attribute as a on c.oid = a.attrelid and a.attname = 'member'
                inner join pg_attribute as o on c.oid = o.attrelid and o.attnum > 0 and o.attname <> 'member'
                where c.relnamespace = 'metrics'::regnamespace and c.relkind = 'v'
                group by c.relname
            loop
                execute format('revoke select on metrics.%I from %I', place.relname, reader.login);
                execute format('grant select (%s) on metrics.%I to %I', place.others, place.relname, reader.login);
            end loop;
        end if;
    end loop;

    -- Tableau's login gets the grants of all its people. Each view checks which of them the session is bound to.
    execute 'grant usage on schema reporting to tableau_service';
    if exists (select from security.login as l where l.tableau_user is not null) then
        execute format('grant connect on database %I to tableau_service', current_database());
    else
        execute format('revoke connect on database %I from tableau_service', current_database());
    end if;
    for report in
        select distinct x.report
        from security.login as l
        inner join security.client as c on l.client = c.client
        cross join unnest(c.reports) as x (report)
        where l.tableau_user is not null and to_regclass(format('reporting.%I', x.report)) is not null
    loop
        execute format('grant select on reporting.%I to tableau_service', report);
    end loop;
end
$$;
