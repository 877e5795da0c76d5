-- An account of the kind $1 for $2, who reads as $3, with the password hash $4.
insert into portal.account (kind, name, login, password_hash, made_by)
values ($1, $2, $3, $4, session_user);
