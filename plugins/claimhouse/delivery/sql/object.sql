-- $1: a file. Where it lies for download now; no row where it does not.
select e.object_key
from delivery.extract as e
where e.extract_id = $1 and e.object_key is not null and e.links_expire_at is not null;
