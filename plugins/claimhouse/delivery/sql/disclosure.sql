-- $1: a mail the server has taken, $2: the server's id of it, $3: when it was handed over, where that is long
-- ago; else null. Marks it sent and logs the disclosure in one statement: never one without the other.
with sent as (
    update delivery.outbox
    set state = 'sent', sent_at = coalesce($3, now()), last_error = null, server_id = $2
    where outbox_id = $1 and state in ('sending', 'in_doubt')
    returning *
)

insert into delivery.disclosure (
    outbox_id, extract_id, client, recipient, report, format, transport, privacy_level, period,
    reason, column_names, row_count, file_name, checksum, as_of, entitlements, editions, message_id, disclosed_at
)
select
    o.outbox_id,
    e.extract_id,
    s.client,
    o.recipient,
    e.report,
    e.format,
    o.transport,
    e.privacy_level,
    o.period,
    e.reason,
    e.column_names,
    e.row_count,
    e.file_name,
    e.checksum,
    e.as_of,
    e.entitlements,
    e.editions,
    o.message_id,
    o.sent_at as disclosed_at
from sent as o
inner join delivery.extract as e on o.extract_id = e.extract_id
inner join delivery.subscription as s on o.subscription_id = s.subscription_id;
