-- $1: a file whose object was removed.
update delivery.extract
set links_expire_at = null
where extract_id = $1;
