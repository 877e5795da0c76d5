-- $1: a subscription, $2: a period, $3: a kind of notice that the mail server took.
insert into delivery.notice (subscription_id, period, kind, sent_at)
values ($1, $2, $3, now())
on conflict (subscription_id, period, kind) do update set sent_at = excluded.sent_at;
