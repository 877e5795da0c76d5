-- Ask for batches to be read anew by the next run of their source system. $1 batches.
update landing.batch
set is_to_be_reverified = true
where batch_id = any($1::bigint[]) and state in ('verified', 'checked', 'held', 'loaded')
returning batch_id;
