-- The deliveries of a feed in its order, without rejected files and corrections. $1 source system, $2 feed.
select
    file.file_id,
    file.checksum,
    file.told_by_name,
    file.same_as_file_id
from landing.file
inner join landing.batch on coalesce(file.same_as_file_id, file.file_id) = batch.file_id
where
    file.source_system = $1
    and file.feed = $2
    and batch.state <> 'rejected'
    and not batch.is_correction
order by file.file_order;
