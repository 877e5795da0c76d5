-- The uploads that wait, or that no run was triggered for, newest first: those of $1 (a login), and those of the source
-- systems $2. $3 the upload before which the list begins, $4 how many.
select
    u.upload_id,
    u.uploaded_by,
    u.uploaded_at,
    u.file_name,
    u.size_bytes,
    u.state,
    u.source_system,
    u.feed,
    u.fit_percent
from landing.upload as u
where
    (u.state = 'waiting' or u.run_id is null) and u.state <> 'taken_back'
    and (u.uploaded_by = $1 or u.source_system = any($2))
    and u.upload_id < $3
order by u.upload_id desc
limit $4;
