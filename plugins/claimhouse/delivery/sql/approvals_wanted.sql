-- The files that wait for approval and that nobody was asked about in the last hour: the run that asks may
-- never have started. Starting it again does nothing where it did.
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
    and (a.asked_at is null or a.asked_at < now() - interval '1 hour')
    and exists (select from delivery.outbox as o where o.extract_id = a.extract_id and o.state = 'prepared')
order by a.extract_id;
