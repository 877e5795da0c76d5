-- The mails of which nobody knows whether the server took them. A run under way holds its mail as sending.
select
    o.outbox_id,
    o.subscription_id,
    o.period,
    o.recipient,
    o.message_id,
    o.sending_at
from delivery.outbox as o
where o.state = 'in_doubt' or (o.state = 'sending' and o.sending_at < now() - interval '1 hour')
order by o.outbox_id;
