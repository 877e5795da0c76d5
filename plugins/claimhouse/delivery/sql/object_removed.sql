-- $1: a file whose object is gone. Its key stays: it tells that a link was sent.
update delivery.extract
set links_expire_at = null
where extract_id = $1;
