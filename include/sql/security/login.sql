-- $1: the roles of the clients in force, as JSON.
merge into security.login as t
using (
    select
        w.login,
        w.client,
        w.is_own_role
    from jsonb_to_recordset($1::jsonb) as w (login text, client text, is_own_role boolean)
) as w on t.login = w.login
when matched then
    update set client = w.client, is_own_role = w.is_own_role
when not matched then
    insert (login, client, is_own_role)
    values (w.login, w.client, w.is_own_role)
when not matched by source then delete;
