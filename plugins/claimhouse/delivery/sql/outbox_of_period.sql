-- $1: a subscription, $2: a period. Its mails in any state.
select
    o.recipient,
    o.state,
    e.file_name,
    e.checksum,
    e.entitlements
from delivery.outbox as o
left join delivery.extract as e on o.extract_id = e.extract_id
where o.subscription_id = $1 and o.period = $2;
