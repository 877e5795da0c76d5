-- Batches that a check holds, the oldest first. $1 source systems.
select
    b.batch_id,
    b.source_system,
    b.feed,
    f.file_id,
    f.file_name,
    b.received_date,
    b.checked_at as held_since,
    b.rows_read,
    b.rows_accepted,
    b.rows_quarantined
from landing.batch as b
inner join landing.file as f on b.file_id = f.file_id
where b.state = 'held' and b.source_system = any($1)
order by b.batch_id
limit 200;
