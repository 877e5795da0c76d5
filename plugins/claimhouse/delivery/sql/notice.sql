-- $1: a subscription, $2: a period, $3: what the owner has been told.
insert into delivery.notice (subscription_id, period, kind)
values ($1, $2, $3)
on conflict do nothing;
