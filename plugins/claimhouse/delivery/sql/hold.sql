-- $1: a client, $2: why nothing is sent to it, $3: who holds it.
insert into delivery.hold (client, reason, held_by)
values ($1, $2, $3)
on conflict (client) where released_at is null do update set reason = excluded.reason
returning hold_id;
