-- $1: a subscription, $2: a period, $3: the kind of notice the owner was sent.
insert into delivery.notice (subscription_id, period, kind)
values ($1, $2, $3)
on conflict do nothing;
