-- Note the run that was triggered for uploads. $1 uploads, $2 run.
update landing.upload
set run_id = $2
where upload_id = any($1) and run_id is null
returning upload_id;
