-- Some uploads, oldest first. $1 their numbers.
select
    u.upload_id,
    u.uploaded_by,
    u.uploaded_at,
    u.file_name,
    u.size_bytes,
    u.checksum,
    u.place,
    u.state,
    u.source_system,
    u.feed,
    u.fit_percent,
    u.landing_path,
    u.run_id,
    u.decided_by,
    u.decided_at
from landing.upload as u
where u.upload_id = any($1)
order by u.upload_id;
