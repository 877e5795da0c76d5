-- The sizes of batches' files, in bytes, in the order in which they landed. $1 batches.
select
    batch.batch_id,
    file.size_bytes
from landing.batch
inner join landing.file using (file_id)
where batch.batch_id = any($1::bigint[])
order by array_position($1::bigint[], batch.batch_id);
