-- Mark batches as loaded into the star. $1 batches.
update landing.batch
set state = 'loaded', loaded_at = now()
where batch_id = any($1::bigint[]) and state = 'checked'
returning batch_id;
