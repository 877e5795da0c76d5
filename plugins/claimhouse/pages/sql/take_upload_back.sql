-- Take an upload back, unless somebody processed it. $1 upload, $2 login.
update landing.upload
set state = 'taken_back', decided_by = $2, decided_at = now()
where upload_id = $1 and state = 'waiting'
returning upload_id;
