-- The batches of a file. $1 file.
select
    b.batch_id,
    b.source_system,
    b.feed,
    b.state,
    b.is_correction,
    b.rows_read,
    b.rows_accepted,
    b.rows_quarantined,
    b.rows_dropped,
    b.amounts,
    b.created_at,
    b.verified_at,
    b.checked_at,
    b.loading_since,
    b.loaded_at,
    b.code_version,
    coalesce(b.retried_hash, b.contract_hash) as newest_hash,
    b.is_to_be_reverified
from landing.batch as b
where b.file_id = $1
order by b.batch_id;
