-- $1: a file that a person refused. Gives up its mails.
update delivery.outbox
set state = 'refused'
where extract_id = $1 and state = 'prepared';
