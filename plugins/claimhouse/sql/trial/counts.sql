-- What a batch that is tried has. $1 batch, $2 rows accepted, $3 rows quarantined, $4 amounts.
update landing.batch
set rows_accepted = $2, rows_quarantined = $3, amounts = $4
where batch_id = $1;
