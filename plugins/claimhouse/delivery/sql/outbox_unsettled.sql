-- $1: a subscription, or null for all. The mails whose run ended before the server's answer, the oldest first.
select
    o.outbox_id,
    o.subscription_id,
    o.message_id,
    o.sending_at
from delivery.outbox as o
where o.state = 'sending' and ($1::text is null or o.subscription_id = $1)
order by o.period, o.outbox_id;
