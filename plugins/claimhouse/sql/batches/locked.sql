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
    batch.is_correction,
    batch.verified_at is not null as was_read,
    batch.contract_hash,
    coalesce(batch.retried_hash, batch.contract_hash) as newest_hash,
    batch.is_to_be_reverified
from landing.batch
inner join landing.file using (file_id)
where batch.batch_id = $1
for update of batch;
