-- $1: a subscription. Its mails that are not known to be sent and may still be: the recipient is
-- still on its list. The oldest first.
select
    o.outbox_id,
    o.period,
    o.recipient,
    o.state,
    o.message_id,
    o.file_name,
    o.checksum,
    o.as_of,
    s.time_zone,
    o.entitlements
from delivery.outbox as o
inner join delivery.subscription as s on o.subscription_id = s.subscription_id
where
    o.subscription_id = $1
    and s.is_active
    and o.recipient = any(s.recipients)
    and o.state in ('prepared', 'sending')
order by o.period, o.outbox_id;
