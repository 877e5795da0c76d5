-- The files that wait for approval. $1: true for those that nobody has been asked about yet.
select
    a.extract_id,
    e.subscription_id,
    e.period,
    e.row_count,
    a.previous_row_count,
    a.why,
    (select count(*) from delivery.outbox as o where o.extract_id = a.extract_id) as recipients
from delivery.approval as a
inner join delivery.extract as e on a.extract_id = e.extract_id
inner join delivery.subscription as s on e.subscription_id = s.subscription_id and s.is_active
where
    a.is_approved is null
    and (a.asked_at is null or not $1)
    and exists (select from delivery.outbox as o where o.extract_id = a.extract_id and o.state = 'prepared')
order by a.extract_id;
