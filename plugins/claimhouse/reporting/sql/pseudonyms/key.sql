-- $1: the client; $2 and $3: its padded keys. A stored key is never changed.
insert into security.pseudonym_key (client, inner_key, outer_key)
values ($1, $2, $3)
on conflict (client) do nothing;
