-- A delivery of the same content that was not rejected. $1 source system, $2 feed, $3 checksum,
-- $4 values from its name.
select
    file.file_id as content_file_id,
    file.archive_path
from landing.file
inner join landing.batch using (file_id)
where
    file.source_system = $1
    and file.feed = $2
    and file.checksum = $3
    and file.told_by_name = $4
    and batch.state <> 'rejected'
order by file.file_id
limit 1;
