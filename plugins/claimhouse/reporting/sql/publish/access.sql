-- noqa: disable=LT02,LT05
-- Make the grants of all readers agree with security.login and security.client.
do $$
declare
    reader record;
    place record;
    report text;
begin
    execute format('revoke connect, temporary on database %I from public', current_database());

    -- Revoke the access of roles that are no longer listed; a person's role can no longer log in, unless it reads in
    -- another database of the server.
    for reader in
        select distinct
            n.nspname,
            r.rolname,
            r.rolcanlogin and r.rolname ~ '^(client|staff|reader)_'
            and r.rolname not in (select l.role_name from security.login as l)
            and not {% include "reporting/sql/roles/used_elsewhere.jinja" %} as must_close
        from pg_namespace as n
        cross join lateral aclexplode(n.nspacl) as a
        inner join pg_roles as r on a.grantee = r.oid
        where
            a.grantee <> n.nspowner
            and r.rolname not in ('reporting_owner', 'identified_owner', 'claimhouse_viewer', 'claimhouse_reviewer')
            and (
                n.nspname = 'reporting'
                and r.rolname not in (select l.role_name from security.login as l)
                and r.rolname <> 'tableau_service'
                or (n.nspname in ('star', 'metrics', 'reference') or n.nspname like 'source\_%')
                and r.rolname not in (
                    select l.role_name
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

    -- The portal takes the role of each person, and of nobody else.
    if exists (select from pg_roles as p where p.rolname = 'claimhouse_portal') then
        execute format('grant connect on database %I to claimhouse_portal', current_database());
    end if;
    for reader in
        select r.rolname
        from pg_auth_members as m
        inner join pg_roles as p on m.member = p.oid
        inner join pg_roles as r on m.roleid = r.oid
        where
            p.rolname = 'claimhouse_portal' and r.rolname ~ '^(client|staff|reader)_'
            and r.rolname not in (select l.role_name from security.login as l where not l.is_own_role)
            and pg_has_role(r.oid, 'member with admin option')
            and not {% include "reporting/sql/roles/used_elsewhere.jinja" %}
    loop
        execute format('revoke %I from claimhouse_portal', reader.rolname);
    end loop;
    for reader in
        select l.role_name
        from security.login as l
        where
            not l.is_own_role
            and exists (select from pg_roles as p where p.rolname = 'claimhouse_portal')
            and not exists (
                select
                from pg_auth_members as m
                inner join pg_roles as p on m.member = p.oid
                inner join pg_roles as r on m.roleid = r.oid
                where
                    p.rolname = 'claimhouse_portal' and l.role_name = r.rolname
                    and m.set_option and not m.inherit_option and not m.admin_option
            )
    loop
        execute format('grant %I to claimhouse_portal with admin false, inherit false, set true', reader.role_name);
    end loop;

    -- Revoke what is no longer listed. A grant that is right is not touched: that would wait for every reader.
    for reader in
        select distinct
            g.rolname,
            v.relname
        from pg_class as v
        cross join lateral aclexplode(v.relacl) as a
        inner join pg_roles as g on a.grantee = g.oid
        where
            v.relnamespace = 'reporting'::regnamespace and a.grantee <> v.relowner
            and (g.rolname, v.relname) not in (
                select
                    case x.is_tableau when true then 'tableau_service' else l.role_name end as rolname,
                    r.report
                from security.login as l
                inner join security.client as c on l.client = c.client
                cross join unnest(c.reports) as r (report)
                cross join (values (false), (true)) as x (is_tableau)
                where not x.is_tableau or l.tableau_user is not null
            )
    loop
        execute format('revoke all on reporting.%I from %I', reader.relname, reader.rolname);
    end loop;

    -- A view that is granted again is planned again: the plans that sessions keep have the audience and the specialty
    -- of their login as they were.
    for reader in
        select
            l.role_name,
            c.reports,
            c.schemas,
            c.privacy_level
        from security.login as l
        inner join security.client as c on l.client = c.client
        order by l.role_name
    loop
        execute format('grant usage on schema reporting to %I', reader.role_name);
        execute format('grant connect on database %I to %I', current_database(), reader.role_name);
        foreach report in array reader.reports loop
            if to_regclass(format('reporting.%I', report)) is not null then
                execute format('grant select on reporting.%I to %I', report, reader.role_name);
            end if;
        end loop;
        for place in
            select n.nspname
            from pg_namespace as n
            where
                (n.nspname = 'star' or n.nspname like 'source\_%')
                and split_part(n.nspname, '_', 1) = any(reader.schemas)
                or n.nspname = 'reference' and 'star' = any(reader.schemas)
                -- the views of metrics read the star with the rights of their reader
                or n.nspname = 'metrics' and reader.schemas @> array['metrics', 'star']
        loop
            execute format('grant usage on schema %I to %I', place.nspname, reader.role_name);
            execute format('grant select on all tables in schema %I to %I', place.nspname, reader.role_name);
        end loop;
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
