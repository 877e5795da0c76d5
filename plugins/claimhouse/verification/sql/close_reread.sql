-- End the reading of a batch that was read before. $1 batch, $2 to $5 rows read, accepted, quarantined and dropped,
-- $6 amounts, $7 whether the accepted rows are others: then it is checked and loaded again, $8 whether rows that the
-- star may have are gone.
update landing.batch
set
    state = case when $7 then 'verified' else state end,
    verified_at = case when $7 then now() else verified_at end,
    loading_since = case when $7 then null else loading_since end,
    -- not the time of the first load: rows that depend on several batches name the one loaded last
    loaded_at = case when $7 then null else loaded_at end,
    has_lost_rows = has_lost_rows or $8,
    rows_read = $2,
    rows_accepted = $3,
    rows_quarantined = $4,
    rows_dropped = $5,
    amounts = $6
where batch_id = $1;
