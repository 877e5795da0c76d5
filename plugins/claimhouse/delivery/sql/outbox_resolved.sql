-- $1: a mail in doubt that did not arrive, as a person found: it is sent again.
update delivery.outbox
set state = 'prepared', last_error = 'in doubt, and did not arrive'
where outbox_id = $1 and state = 'in_doubt'
returning subscription_id;
