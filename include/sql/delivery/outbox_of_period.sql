-- $1: a subscription, $2: a period. What the outbox holds for it.
select
    o.recipient,
    o.state,
    o.file_name,
    o.checksum,
    o.entitlements
from delivery.outbox as o
where o.subscription_id = $1 and o.period = $2;
