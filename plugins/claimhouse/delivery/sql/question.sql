-- $1: a mail. What a person is to answer about it: in doubt, or failed; no row for any other mail.
select
    o.outbox_id,
    o.subscription_id,
    o.sending_at,
    case o.state when 'failed' then 'failed' else 'in doubt' end as question
from delivery.outbox as o
where o.outbox_id = $1 and o.state in ('in_doubt', 'sending', 'failed');
