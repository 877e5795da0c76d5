-- $1: a mail in doubt that, as a person found out, did not arrive: it is sent again.
update delivery.outbox
set state = 'prepared', last_error = 'in doubt, and did not arrive'
where outbox_id = $1 and state = 'in_doubt'
returning subscription_id;
