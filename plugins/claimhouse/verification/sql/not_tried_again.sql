-- A batch could not be read under this version of its contract, and is not tried again. $1 batch, $2 the version.
update landing.batch
set retried_hash = $2, is_to_be_reverified = false
where batch_id = $1;
