-- $1: a subscription. Its files that no mail waits for.
select o.file_name
from delivery.outbox as o
where o.subscription_id = $1
group by o.file_name
having bool_and(o.state = 'sent');
