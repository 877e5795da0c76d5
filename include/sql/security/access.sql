-- Lay every grant on the reporting schema anew, from security.login and security.client.
-- Views are laid just before this and carry no grant yet.
do $$
declare
    reader record;
begin
    execute format('revoke connect, temporary on database %I from public', current_database());

    -- Whoever has access and is no longer a client's role loses it; a person's role cannot log in any more.
    for reader in
        select distinct r.rolname, r.rolcanlogin and r.rolname like 'client\_%' as must_close
        from pg_namespace as n
        cross join lateral aclexplode(n.nspacl) as a
        inner join pg_roles as r on a.grantee = r.oid
        where n.nspname = 'reporting' and a.grantee <> n.nspowner
            and r.rolname <> 'reporting_owner'
            and r.rolname not in (select l.login from security.login as l)
    loop
        execute format('revoke all on schema reporting from %I', reader.rolname);
        execute format('revoke connect on database %I from %I', current_database(), reader.rolname);
        if reader.must_close then
            execute format('alter role %I nologin', reader.rolname);
        end if;
    end loop;

    for reader in
        select l.login, c.reports
        from security.login as l
        inner join security.client as c on l.client = c.client
        order by l.login
    loop
        execute format('grant usage on schema reporting to %I', reader.login);
        execute format('grant connect on database %I to %I', current_database(), reader.login);
        for i in 1 .. cardinality(reader.reports) loop
            execute format('grant select on reporting.%I to %I', reader.reports[i], reader.login);
        end loop;
    end loop;
end
$$;
