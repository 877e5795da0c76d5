-- $1: the subscriptions of the client files, as JSON. A dropped one stays, inactive, for its history. Dashboards by
-- mail are in no file, and stay as they are.
merge into delivery.subscription as t
using (
    select w.*
    from jsonb_to_recordset($1::jsonb) as w (
        subscription_id text,
        client text,
        report text,
        format text,
        schedule text,
        time_zone text,
        recipients text[],
        transport text,
        reason text,
        detail boolean,
        when_empty text,
        covers text,
        identified_by text[],
        when_too_large text,
        approve_first boolean,
        approve_ratio numeric,
        hold_reason text
    )
) as w on t.subscription_id = w.subscription_id
when matched then
    update set
        client = w.client,
        report = w.report,
        format = w.format,
        schedule = w.schedule,
        time_zone = w.time_zone,
        recipients = w.recipients,
        transport = w.transport,
        reason = w.reason,
        detail = w.detail,
        when_empty = w.when_empty,
        covers = w.covers,
        identified_by = w.identified_by,
        when_too_large = w.when_too_large,
        approve_first = w.approve_first,
        approve_ratio = w.approve_ratio,
        hold_reason = w.hold_reason,
        is_active = true,
        applied_at = now()
when not matched then
    insert (
        subscription_id, client, report, format, schedule, time_zone, recipients, transport, reason,
        detail, when_empty, covers, identified_by, when_too_large, approve_first, approve_ratio, hold_reason
    )
    values (
        w.subscription_id, w.client, w.report, w.format, w.schedule,
        w.time_zone, w.recipients, w.transport, w.reason,
        w.detail, w.when_empty, w.covers, w.identified_by, w.when_too_large,
        w.approve_first, w.approve_ratio, w.hold_reason
    )
when not matched by source and t.mailing_id is null then update set is_active = false;
