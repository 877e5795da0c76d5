-- $1: a mail that no attempt will get through, $2: why.
update delivery.outbox
set
    state = 'failed',
    last_error = $2,
    attempts = attempts + case when state = 'prepared' then 1 else 0 end
where outbox_id = $1;
