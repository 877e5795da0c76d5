-- $1: a mail that is handed to the server now and may be taken from here on.
update delivery.outbox
set state = 'sending', sending_at = now(), attempts = attempts + 1
where outbox_id = $1;
