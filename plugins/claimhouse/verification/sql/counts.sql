-- What a batch holds. $1 batch.
select
    b.state,
    coalesce(b.rows_read, 0) as rows_read,
    coalesce(b.rows_accepted, 0) as rows_accepted,
    coalesce(b.rows_quarantined, 0) as rows_quarantined,
    coalesce(b.rows_dropped, 0) as rows_dropped,
    coalesce(b.amounts, '{}') as amounts
from landing.batch as b
where b.batch_id = $1;
