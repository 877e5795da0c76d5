-- Enter a file and its batch. $1 checksum, $2 size, $3 source system, $4 feed, $5 file name,
-- $6 archive path, $7 day received, $8 whether it is a correction, $9 code version, $10 values from its name.
with entered as (
    insert into landing.file (checksum, size_bytes, source_system, feed, file_name, archive_path, told_by_name)
    values ($1, $2, $3, $4, $5, $6, $10)
    returning file_id, source_system, feed
)

insert into landing.batch (file_id, source_system, feed, received_date, is_correction, code_version)
select
    file_id,
    source_system,
    feed,
    $7 as received_date,
    $8 as is_correction,
    $9 as code_version
from entered
returning file_id;
