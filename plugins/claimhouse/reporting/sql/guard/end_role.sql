-- End the sessions of the role $1, because $2.
-- A condition may be tested in any order: a session is ended in the list of what is selected, once it is chosen.
with chosen as materialized (
    select
        a.pid,
        a.backend_start,
        a.usename as role_name,
        $2::text as reason
    from pg_stat_activity as a
    where
        a.usename = $1 and a.datname = current_database() and a.backend_type = 'client backend'
        and a.pid <> pg_backend_pid()
),

ended as materialized (
    select
        c.pid,
        c.backend_start,
        c.role_name,
        c.reason,
        pg_terminate_backend(c.pid) as is_ended
    from chosen as c
)

select
    e.pid,
    e.backend_start,
    e.role_name,
    e.reason
from ended as e
where e.is_ended;
