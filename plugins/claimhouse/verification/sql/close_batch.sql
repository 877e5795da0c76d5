-- End the verification of a batch. $1 batch, $2 to $5 rows read, accepted, quarantined and dropped,
-- $6 amounts, $7 timings.
update landing.batch
set
    state = 'verified',
    verified_at = now(),
    rows_read = $2,
    rows_accepted = $3,
    rows_quarantined = $4,
    rows_dropped = $5,
    amounts = $6,
    timings = timings || $7
where batch_id = $1;
