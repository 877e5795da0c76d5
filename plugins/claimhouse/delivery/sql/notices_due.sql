-- What the owner is to be mailed about now. $1: a subscription, or null for all, $2: after how many hours a
-- notice is repeated. What often settles by itself is told after a day.
select
    p.subscription_id,
    p.period,
    p.notice,
    p.kind,
    p.since,
    p.problem,
    p.to_do,
    p.outbox_id,
    o.message_id
from delivery.needs_a_person as p
left join delivery.outbox as o on p.outbox_id = o.outbox_id
where
    p.notice is not null
    and ($1::text is null or p.subscription_id = $1)
    and (p.notified_at is null or p.notified_at <= now() - $2::double precision * interval '1 hour')
    and (p.kind not in ('approval waiting', 'mail not taken yet') or p.since < now() - interval '1 day')
order by p.subscription_id, p.since, p.outbox_id;
