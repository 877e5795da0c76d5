-- $1: a mail that is handed to the server now and may be taken from here on, $2: its transport. No row where
-- another run has it.
update delivery.outbox
set state = 'sending', transport = $2, sending_at = now(), attempts = attempts + 1
where outbox_id = $1 and state = 'prepared'
returning outbox_id;
