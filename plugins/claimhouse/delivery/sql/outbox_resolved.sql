-- $1: a mail that, as a person answered, did not arrive, $2: whether it is sent again.
update delivery.outbox
set
    state = case when $2 then 'prepared' else 'failed' end,
    failed_at = case when $2 then null else now() end,
    refusals = 0,
    last_error = case state when 'failed' then last_error else 'in doubt, and did not arrive' end
where outbox_id = $1;
