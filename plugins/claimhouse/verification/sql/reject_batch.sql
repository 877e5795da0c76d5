-- Reject a file that cannot be read as a whole: it stays in the archive and nothing is loaded. $1 batch.
update landing.batch
set
    state = 'rejected',
    verified_at = now(),
    rows_read = 0,
    rows_accepted = 0,
    rows_quarantined = 0,
    rows_dropped = 0
where batch_id = $1;
