-- The mails of which nobody knows whether the server took them.
select
    o.outbox_id,
    o.subscription_id,
    o.period,
    o.recipient,
    o.message_id,
    o.sending_at
from delivery.outbox as o
where o.state = 'in_doubt'
order by o.outbox_id;
