-- $1: a mail that its server will never take, $2: the kind of error.
update delivery.outbox
set
    state = 'failed',
    last_error = $2,
    attempts = attempts + case when state = 'prepared' then 1 else 0 end
where outbox_id = $1;
