-- Enters one mail, or binds a prepared one to a new file. A mail in any other state stays as it is.
insert into delivery.outbox as o (
    subscription_id, period, recipient, message_id, extract_id, state
)
values ($1, $2, $3, $4, $5, $6)
on conflict (subscription_id, period, recipient) do update
    set extract_id = excluded.extract_id, state = excluded.state
    where o.state = 'prepared';
