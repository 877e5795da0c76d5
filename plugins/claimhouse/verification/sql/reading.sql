-- Note under which version of its contract a batch was read. $1 batch, $2 the version, $3 whether as a whole.
with read as (
    update landing.batch
    set
        contract_hash = case when $3 then $2 else contract_hash end,
        retried_hash = case when not $3 then $2 end,
        is_to_be_reverified = is_to_be_reverified and not $3
    where batch_id = $1
    returning batch_id, state, rows_read, rows_accepted, rows_quarantined, rows_dropped
)

insert into landing.batch_reading (
    batch_id, contract_hash, is_whole, state, rows_read, rows_accepted, rows_quarantined, rows_dropped
)
select
    r.batch_id,
    $2::text as contract_hash,
    $3::boolean as is_whole,
    r.state,
    r.rows_read,
    r.rows_accepted,
    r.rows_quarantined,
    r.rows_dropped
from read as r;
