-- $1: a file for which a person is now being asked.
update delivery.approval
set asked_at = now()
where extract_id = $1;
