-- What is known of a content. $1 checksum, $2 source systems: deliveries that have it.
select
    f.file_id,
    f.source_system,
    f.feed,
    f.landed_at
from landing.file as f
where f.checksum = $1 and f.source_system = any($2)
order by f.file_id
limit 1;
