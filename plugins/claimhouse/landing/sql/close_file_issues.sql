-- Close the open issues of a file that has landed. $1 source system, $2 file name.
update quality.issue
set status = 'resolved', closed_at = now(), closed_by = 'landing'
where
    status = 'open'
    and source_system = $1
    and file_name = $2
    and rule in ('still_growing', 'unclaimed_file', 'cannot_be_read', 'no_number_in_name');
