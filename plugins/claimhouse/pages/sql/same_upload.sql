-- What is known of a content. $1 checksum, $2 source systems: deliveries that have it. A rejected file was never
-- landed.
select
    f.file_id,
    f.source_system,
    f.feed,
    f.landed_at
from landing.file as f
inner join landing.batch as b on coalesce(f.same_as_file_id, f.file_id) = b.file_id
where f.checksum = $1 and f.source_system = any($2) and b.state <> 'rejected'
order by f.file_id
limit 1;
