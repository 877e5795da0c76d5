-- The delivery directly after a place in a feed's order, see before.sql. $1 source system, $2 feed, $3 place.
select
    file.file_id,
    file.file_name,
    file.arrived_at,
    file.checksum,
    file.told_by_name,
    file.same_as_file_id,
    coalesce(file.same_as_file_id, file.file_id) as content_file_id
from landing.file
inner join landing.batch on coalesce(file.same_as_file_id, file.file_id) = batch.file_id
where
    file.source_system = $1
    and file.feed = $2
    and file.file_order > $3
    and batch.state <> 'rejected'
    and not batch.is_correction
order by file.file_order
limit 1;
