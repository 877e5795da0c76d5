-- Each time a batch was read, the first first. $1 batch.
select
    r.read_at,
    r.contract_hash,
    r.is_whole,
    r.state,
    r.rows_accepted,
    r.rows_quarantined,
    r.rows_dropped
from landing.batch_reading as r
where r.batch_id = $1
order by r.reading_id;
