-- The newest uploads that were processed, of the source systems $1. $2 how many.
select
    u.upload_id,
    u.uploaded_by,
    u.file_name,
    u.size_bytes,
    u.source_system,
    u.feed,
    u.decided_by,
    u.decided_at
from landing.upload as u
where u.run_id is not null and u.source_system = any($1)
order by u.upload_id desc
limit $2;
