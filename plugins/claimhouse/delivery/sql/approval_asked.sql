-- $1: a file whose approval is now being asked for.
update delivery.approval
set asked_at = now()
where extract_id = $1;
