insert into security.session_ended (role_name, pid, backend_start, reason) values ($1, $2, $3, $4);
