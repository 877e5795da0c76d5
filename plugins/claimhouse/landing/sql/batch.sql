-- Open a batch for a delivery. $1 its number, $2 whether it is a correction, $3 code version.
insert into landing.batch (file_id, source_system, feed, received_date, is_correction, code_version)
select
    file_id,
    source_system,
    feed,
    (arrived_at at time zone 'UTC')::date as received_date,
    $2 as is_correction,
    $3 as code_version
from landing.file
where file_id = $1
returning batch_id;
