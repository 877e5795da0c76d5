-- $1 batch. Locked until the transaction ends, so that one task at a time takes it in.
select
    batch.*,
    file.file_name,
    file.archive_path
from landing.batch
inner join landing.file using (file_id)
where batch.batch_id = $1
for update of batch;
