-- $1 source system, $2 file name. The file has landed: nothing is left to report of it.
update quality.issue
set status = 'resolved', closed_at = now(), closed_by = 'landing'
where
    status = 'open'
    and source_system = $1
    and file_name = $2
    and rule in ('still_growing', 'unclaimed_file');
