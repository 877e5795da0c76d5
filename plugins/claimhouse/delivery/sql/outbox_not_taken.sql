-- $1: a mail the server did not take, $2: the kind of error, $3: whether it never will, $4: 1 where the server
-- answered, else 0, $5: how many answered attempts fail a mail. Else it waits for the next attempt.
update delivery.outbox
set
    state = case when $3 or refusals + $4 >= $5 then 'failed' else 'prepared' end,
    failed_at = case when $3 or refusals + $4 >= $5 then now() end,
    last_error = $2,
    refusals = refusals + $4,
    attempts = attempts + case when state = 'prepared' then 1 else 0 end
where outbox_id = $1 and state in ('prepared', 'sending')
returning state;
