-- Set the state of a batch after its checks; a loaded batch stays loaded. $1 batch, $2 'checked' or 'held'.
update landing.batch
set
    state = $2,
    checked_at = now()
where batch_id = $1 and state in ('verified', 'checked', 'held');
