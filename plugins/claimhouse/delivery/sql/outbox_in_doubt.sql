-- $1: a mail of which nobody knows whether the server took it.
update delivery.outbox
set state = 'in_doubt'
where outbox_id = $1 and state = 'sending';
