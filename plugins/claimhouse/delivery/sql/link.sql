-- $1: a file, $2: the key of its object, $3: when a link to it expires.
update delivery.extract
set object_key = $2, links_expire_at = greatest(links_expire_at, $3)
where extract_id = $1;
