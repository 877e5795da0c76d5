-- Close the issue of a day that is now fetched. $1 source system, $2 name of its file.
update quality.issue
set status = 'resolved', closed_at = now(), closed_by = 'fetch'
where
    status = 'open'
    and batch_id is null
    and source_system = $1
    and file_name = $2
    and rule = 'day_not_fetched';
