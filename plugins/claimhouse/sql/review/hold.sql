-- Hold checked batches again. $1 batches.
update landing.batch
set state = 'held', checked_at = now()
where batch_id = any($1::bigint[]) and state = 'checked';
