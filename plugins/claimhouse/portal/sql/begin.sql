-- A session of the account $2 with the hash $1, for $3 hours at most.
insert into portal.session (session_hash, account_id, expires_at)
values ($1, $2, now() + make_interval(secs => $3::float8 * 3600));
