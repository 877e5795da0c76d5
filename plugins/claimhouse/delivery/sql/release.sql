-- $1: a client whose deliveries resume, $2: who released it.
update delivery.hold
set released_at = now(), released_by = $2
where client = $1 and released_at is null
returning hold_id;
