-- $1: a file. Its object in the bucket; no row where there is none.
select
    e.extract_id,
    e.object_key
from delivery.extract as e
where e.extract_id = $1 and e.object_key is not null and e.links_expire_at is not null;
