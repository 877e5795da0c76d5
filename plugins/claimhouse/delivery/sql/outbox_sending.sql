-- $1: a mail that is handed to the server now and may be taken from here on, $2: its transport. No row where
-- another run has it, or its subscription was stopped in the meantime.
update delivery.outbox
set state = 'sending', transport = $2, sending_at = now(), attempts = attempts + 1
where
    outbox_id = $1
    and state = 'prepared'
    and subscription_id in (select s.subscription_id from delivery.subscription as s where s.is_active)
returning outbox_id;
