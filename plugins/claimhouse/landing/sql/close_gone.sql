-- Close the reports of what is no longer there: what another program was writing, what is no plain file, and folders
-- that could not be read. $1 source system, $2 rule and name of each file reported now.
update quality.issue
set status = 'resolved', closed_at = now(), closed_by = 'landing'
where
    status = 'open'
    and source_system = $1
    and batch_id is null
    and (rule in ('still_growing', 'not_a_plain_file') or (rule = 'cannot_be_read' and file_name like '%/'))
    and rule || ' ' || file_name <> all($2::text[]);
