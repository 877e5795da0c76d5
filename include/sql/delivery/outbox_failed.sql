-- $1: a mail that no attempt will get through, $2: why.
update delivery.outbox
set state = 'failed', last_error = $2
where outbox_id = $1;
