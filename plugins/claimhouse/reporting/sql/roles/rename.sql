-- noqa: disable=LT02,LT05
-- Names of roles tell nobody who reads: a role that has the name of a login, as in earlier releases, is renamed to
-- that of security.login. If that role is there already, or the login has left, its name is random. A role that another
-- database of the server uses keeps its name until that database renames it, and so does one that the caller may not
-- change.
do $$
declare
    role record;
begin
    for role in
        select
            r.rolname,
            coalesce(
                (
                    select l.role_name
                    from security.login as l
                    where l.login = r.rolname and l.role_name not in (select o.rolname from pg_roles as o)
                ),
                'reader_' || left(gen_random_uuid()::text, 8)
            ) as role_name
        from pg_roles as r
        where
            r.rolname in (
                select l.login from security.login as l union select h.login from security.entitlement_history as h
            )
            and r.rolname not in (select l.role_name from security.login as l)
            and pg_has_role(r.oid, 'member with admin option')
            and not {% include "reporting/sql/roles/used_elsewhere.jinja" %}
    loop
        execute format('alter role %I rename to %I', role.rolname, role.role_name);
    end loop;
end
$$;
