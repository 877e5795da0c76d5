-- Enter a file that is tried as a batch of its own; numbers below zero are no batch's. $1 number, $2 source system,
-- $3 feed, $4 file name.
with file as (
    insert into landing.file (
        file_id, checksum, size_bytes, source_system, feed, file_name, archive_path, arrived_at, file_order
    ) overriding system value
    values ($1, '', 0, $2, $3, $4, '', now(), '')
    returning file_id
)

insert into landing.batch (batch_id, file_id, source_system, feed, received_date, code_version)
overriding system value
select
    file_id as batch_id,
    file_id,
    $2 as source_system,
    $3 as feed,
    current_date as received_date,
    '' as code_version
from file;
