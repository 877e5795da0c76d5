-- $1: client, $2 and $3: its padded keys. A key, once used, stays.
insert into security.pseudonym_key (client, inner_key, outer_key)
values ($1, $2, $3)
on conflict (client) do nothing;
