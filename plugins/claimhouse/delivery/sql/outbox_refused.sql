-- $1: a file that a person refused. Its mails are given up.
update delivery.outbox
set state = 'refused'
where extract_id = $1 and state = 'prepared';
