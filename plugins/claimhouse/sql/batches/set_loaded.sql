-- The batches $1 are in the star.
update landing.batch
set state = 'loaded', loaded_at = now()
where batch_id = any($1::bigint[]) and state = 'checked'
returning batch_id;
