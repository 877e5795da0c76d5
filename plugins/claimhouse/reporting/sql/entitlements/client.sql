-- $1: the clients and roles inside the house, as JSON.
merge into security.client as t
using (
    select
        w.name as client,
        w.title,
        w.is_internal,
        w.privacy_level,
        w.reports,
        w.schemas,
        w.hold_reason
    from jsonb_to_recordset($1::jsonb) as w (
        name text, title text, is_internal boolean, privacy_level text, reports text[], schemas text[],
        hold_reason text
    )
) as w on t.client = w.client
when matched then
    update set
        title = w.title,
        is_internal = w.is_internal,
        privacy_level = w.privacy_level,
        reports = w.reports,
        schemas = w.schemas,
        hold_reason = w.hold_reason,
        applied_at = now()
when not matched then
    insert (client, title, is_internal, privacy_level, reports, schemas, hold_reason)
    values (w.client, w.title, w.is_internal, w.privacy_level, w.reports, w.schemas, w.hold_reason)
when not matched by source then delete;
