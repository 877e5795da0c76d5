-- The deliveries of a feed, where any of them has a place made from another order than the contract's.
-- $1 source system, $2 feed, $3 what places are made from now.
select
    file.file_id,
    file.file_name,
    file.arrived_at,
    coalesce(batch.is_correction, false) as is_correction
from landing.file
left join landing.batch using (file_id)
where
    file.source_system = $1
    and file.feed = $2
    and exists (
        select from landing.file as other
        where other.source_system = $1 and other.feed = $2 and other.ordered_by <> $3
    )
order by file.file_id;
