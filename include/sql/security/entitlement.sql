-- $1: the entitlements of the clients in force, as JSON. Each role of a client gets them all.
merge into security.entitlement as t
using (
    select
        l.login,
        w.source_system,
        w.specialty,
        c.privacy_level
    from jsonb_to_recordset($1::jsonb) as w (client text, source_system text, specialty text)
    inner join security.client as c on w.client = c.client
    inner join security.login as l on w.client = l.client
    group by l.login, w.source_system, w.specialty, c.privacy_level
) as w on t.login = w.login and t.source_system = w.source_system and t.specialty = w.specialty
when matched then
    update set privacy_level = w.privacy_level
when not matched then
    insert (login, source_system, specialty, privacy_level)
    values (w.login, w.source_system, w.specialty, w.privacy_level)
when not matched by source then delete;
