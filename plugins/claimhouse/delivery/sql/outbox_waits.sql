-- $1: a mail the server did not take, $2: the kind of error. It waits for the next attempt.
update delivery.outbox
set
    state = 'prepared',
    last_error = $2,
    attempts = attempts + case when state = 'prepared' then 1 else 0 end
where outbox_id = $1;
