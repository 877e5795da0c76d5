-- $1: the logins of all readers, as JSON. Everybody who can log in sees the names of all roles: that of a new login's
-- role is random, and so is the new name of one that has the name of its login, as in earlier releases. A login that
-- comes back has the role that it had.
merge into security.login as t
using (
    with listed as (
        select
            w.login,
            w.client,
            w.is_own_role,
            w.specialty,
            w.tableau_user
        from jsonb_to_recordset($1::jsonb) as w (
            login text, client text, is_own_role boolean, specialty text, tableau_user text
        )
    ),

    former as (
        select distinct on (h.login)
            h.login,
            h.value as role_name
        from security.entitlement_history as h
        where h.kind = 'role'
        order by h.login asc, h.valid_from desc
    ),

    random_name as materialized (
        select
            w.login,
            'reader_' || left(gen_random_uuid()::text, 8) as role_name
        from listed as w
        cross join generate_series(1, 8)
    ),

    -- one that no role of the server has, nor that of another warehouse there
    free_name as (
        select
            n.login,
            min(n.role_name) as role_name
        from random_name as n
        where n.role_name not in (select r.rolname from pg_roles as r)
        group by n.login
    )

    select
        w.login,
        w.client,
        w.is_own_role,
        w.specialty,
        w.tableau_user,
        coalesce(h.role_name, n.role_name) as role_name
    from listed as w
    left join former as h on w.login = h.login
    left join free_name as n on w.login = n.login
) as w on t.login = w.login
when matched then
    update set
        role_name = case t.role_name when t.login then w.role_name else t.role_name end,
        client = w.client,
        is_own_role = w.is_own_role,
        specialty = w.specialty,
        tableau_user = w.tableau_user
when not matched then
    insert (login, role_name, client, is_own_role, specialty, tableau_user)
    values (w.login, w.role_name, w.client, w.is_own_role, w.specialty, w.tableau_user)
when not matched by source then delete;
