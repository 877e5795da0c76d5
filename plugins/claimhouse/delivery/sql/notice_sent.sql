-- $1: a subscription, $2: a period, $3: a kind of notice. A row where the owner was sent one.
select n.sent_at
from delivery.notice as n
where n.subscription_id = $1 and n.period = $2 and n.kind = $3;
