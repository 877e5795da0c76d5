-- What deliveries wait for, the oldest first. $1: a subscription, or null for all.
select
    p.kind,
    p.client,
    p.subscription_id,
    p.period,
    p.outbox_id,
    p.extract_id,
    p.since,
    p.problem,
    p.to_do,
    p.notified_at
from delivery.needs_a_person as p
where $1::text is null or p.subscription_id = $1
order by p.since, p.kind, p.subscription_id, p.outbox_id;
