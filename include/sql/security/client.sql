-- $1: the clients in force, as JSON.
merge into security.client as t
using (
    select
        w.name as client,
        w.title,
        w.privacy_level,
        w.reports
    from jsonb_to_recordset($1::jsonb) as w (name text, title text, privacy_level text, reports text[])
) as w on t.client = w.client
when matched then
    update set title = w.title, privacy_level = w.privacy_level, reports = w.reports, applied_at = now()
when not matched then
    insert (client, title, privacy_level, reports)
    values (w.client, w.title, w.privacy_level, w.reports)
when not matched by source then delete;
