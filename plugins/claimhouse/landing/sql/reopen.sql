-- A rejected batch is landed again: its contract has changed. $1 batch, $2 what the file's name tells now.
with reopened as (
    update landing.batch
    set state = 'landed', rows_read = null, rows_accepted = null, rows_quarantined = null, rows_dropped = null
    where batch_id = $1 and state = 'rejected'
    returning file_id
)

update landing.file as f
set told_by_name = $2
from reopened as r
where f.file_id = r.file_id;
