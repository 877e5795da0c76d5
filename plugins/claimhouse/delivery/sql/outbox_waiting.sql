-- $1: a subscription. Its mails that may still be sent, the oldest first: the recipient is still on its
-- list and the file needs no approval, or has it.
select
    o.outbox_id,
    o.period,
    o.recipient,
    o.message_id,
    e.extract_id,
    e.report,
    e.format,
    e.file_name,
    e.checksum,
    e.size_bytes,
    e.as_of,
    e.entitlements,
    e.parts,
    e.basis is not null as is_of_copy,
    m.period as since
from delivery.outbox as o
inner join delivery.subscription as s on o.subscription_id = s.subscription_id
inner join delivery.extract as e on o.extract_id = e.extract_id
left join delivery.extract as m on e.since_extract_id = m.extract_id
left join delivery.approval as a on e.extract_id = a.extract_id
where
    o.subscription_id = $1
    and s.is_active
    and o.recipient = any(s.recipients)
    and o.state = 'prepared'
    and (a.extract_id is null or a.is_approved)
order by o.period, o.outbox_id;
