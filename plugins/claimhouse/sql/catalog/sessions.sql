-- The other sessions in this database for which the condition holds.
select
    a.pid,
    a.usename as role,
    nullif(a.application_name, '') as program,
    a.state,
    to_char(coalesce(a.xact_start, a.backend_start), 'HH24:MI:SS') as since
from pg_stat_activity as a
where a.datname = current_database() and a.pid <> pg_backend_pid() and {{ which }}
order by a.pid;
