-- Keep that an attempt at the account $2 of kind $1 came to $3.
insert into portal.sign_in as s (minute, kind, name, outcome)
values (date_trunc('minute', now(), 'UTC'), $1, $2, $3)
on conflict (minute, kind, name, outcome) do update set attempts = s.attempts + 1;
