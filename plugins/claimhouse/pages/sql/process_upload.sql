-- Have an upload processed, unless somebody took it back or processed it. $1 upload, $2 source system, $3 feed,
-- $4 where it goes, $5 login.
update landing.upload
set state = 'processing', source_system = $2, feed = $3, landing_path = $4, decided_by = $5, decided_at = now()
where upload_id = $1 and state = 'waiting'
returning upload_id;
