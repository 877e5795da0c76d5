-- $1: a client to which deliveries go on, $2: who says so.
update delivery.hold
set released_at = now(), released_by = $2
where client = $1 and released_at is null
returning hold_id;
