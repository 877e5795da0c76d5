-- Says whether batch $1 is fit: $2 is 'checked' or 'held'. A batch that is in the star already stays there.
update landing.batch
set
    state = $2,
    checked_at = now()
where batch_id = $1 and state in ('verified', 'checked', 'held');
