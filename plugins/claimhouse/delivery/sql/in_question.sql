-- The subscriptions with a mail whose run ended before the server's answer, or with something that needs a person.
select o.subscription_id
from delivery.outbox as o
where o.state = 'sending'
union
select p.subscription_id
from delivery.needs_a_person as p
where p.notice is not null
order by subscription_id;
