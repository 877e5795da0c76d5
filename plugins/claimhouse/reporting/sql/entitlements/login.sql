-- $1: the logins of all readers, as JSON. A login keeps the name of its role.
merge into security.login as t
using (
    select
        w.login,
        w.client,
        w.is_own_role,
        w.specialty,
        w.tableau_user
    from jsonb_to_recordset($1::jsonb) as w (
        login text, client text, is_own_role boolean, specialty text, tableau_user text
    )
) as w on t.login = w.login
when matched then
    update set
        client = w.client,
        is_own_role = w.is_own_role,
        specialty = w.specialty,
        tableau_user = w.tableau_user
when not matched then
    insert (login, role_name, client, is_own_role, specialty, tableau_user)
    values (w.login, w.login, w.client, w.is_own_role, w.specialty, w.tableau_user)
when not matched by source then delete;
