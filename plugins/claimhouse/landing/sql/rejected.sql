-- The rejected files of a feed, in its order, that were not read under this version of its contract. One that repeats
-- another waits for that one. $1 source system, $2 feed, $3 the version.
select
    b.batch_id,
    b.is_correction,
    f.file_id,
    f.file_name,
    f.file_order,
    f.checksum
from landing.batch as b
inner join landing.file as f on b.file_id = f.file_id
where
    b.source_system = $1
    and b.feed = $2
    and b.state = 'rejected'
    and f.same_as_file_id is null
    and coalesce(b.retried_hash, b.contract_hash) is distinct from $3
order by f.file_order;
