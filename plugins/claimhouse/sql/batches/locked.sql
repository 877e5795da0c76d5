-- One batch and its file, locked until the transaction ends: one task at a time verifies it.
-- $1 batch.
select
    batch.batch_id,
    batch.source_system,
    batch.feed,
    batch.state,
    file.file_name,
    file.archive_path,
    file.checksum,
    file.size_bytes,
    file.arrived_at,
    batch.is_correction
from landing.batch
inner join landing.file using (file_id)
where batch.batch_id = $1
for update of batch;
