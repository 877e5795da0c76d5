-- Batches with the counts and sums of verification, locked: two scans of one batch run one after
-- the other. $1 source system, $2 batches.
select
    b.batch_id,
    b.feed,
    b.received_date,
    b.state,
    coalesce(b.rows_read, 0) as rows_read,
    coalesce(b.rows_accepted, 0) as rows_accepted,
    coalesce(b.rows_quarantined, 0) as rows_quarantined,
    coalesce(b.amounts, '{}') as amounts
from landing.batch as b
where b.source_system = $1 and b.batch_id = any($2) and b.state in ('verified', 'checked', 'held', 'loaded')
order by b.batch_id
for update;
