-- What became of a batch, which mappings may read from now on. $1 batch.
update landing.batch
set state = 'checked'
where batch_id = $1
returning rows_read, rows_accepted, rows_quarantined, rows_dropped, amounts;
