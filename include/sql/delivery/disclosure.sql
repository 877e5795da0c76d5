-- $1: a mail the server has taken. It is sent and disclosed in one statement: never one without the other.
with sent as (
    update delivery.outbox
    set state = 'sent', sent_at = now(), last_error = null
    where outbox_id = $1
    returning *
)

insert into delivery.disclosure (
    outbox_id, client, recipient, report, privacy_level, period, reason, column_names,
    row_count, file_name, checksum, as_of, entitlements, message_id
)
select
    o.outbox_id,
    s.client,
    o.recipient,
    o.report,
    o.privacy_level,
    o.period,
    o.reason,
    o.column_names,
    o.row_count,
    o.file_name,
    o.checksum,
    o.as_of,
    o.entitlements,
    o.message_id
from sent as o
inner join delivery.subscription as s on o.subscription_id = s.subscription_id;
