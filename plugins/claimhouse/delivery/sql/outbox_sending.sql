-- $1: a mail that is now handed to the server: from here on it may be taken.
update delivery.outbox
set state = 'sending', sending_at = now(), attempts = attempts + 1
where outbox_id = $1;
