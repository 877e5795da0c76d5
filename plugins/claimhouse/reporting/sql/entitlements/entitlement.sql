-- $1: the entitlements of all roles, as JSON.
merge into security.entitlement as t
using (
    select
        w.login,
        w.source_system,
        w.kind,
        w.value,
        c.privacy_level
    from jsonb_to_recordset($1::jsonb) as w (login text, source_system text, kind text, value text)
    inner join security.login as l on w.login = l.login
    inner join security.client as c on l.client = c.client
    group by w.login, w.source_system, w.kind, w.value, c.privacy_level
) as w on t.login = w.login and t.source_system = w.source_system and t.kind = w.kind and t.value = w.value
when matched then
    update set privacy_level = w.privacy_level
when not matched then
    insert (login, source_system, kind, value, privacy_level)
    values (w.login, w.source_system, w.kind, w.value, w.privacy_level)
when not matched by source then delete;
