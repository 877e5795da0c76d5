-- End the sessions of readers for which the session $1 has waited for $2 seconds, directly or through others; at
-- once where they wait for each other.
with recursive reader as (
    {% include "reporting/sql/guard/readers.jinja" %}
),

chain as (
    select b.pid
    from unnest(pg_blocking_pids($1)) as b (pid)
    union
    select b.pid
    from chain as c
    cross join lateral unnest(pg_blocking_pids(c.pid)) as b (pid)
),

waiting as (
    select min(k.waitstart) as since
    from pg_locks as k
    where k.pid = $1 and not k.granted
),

-- A condition may be tested in any order: a session is ended in the list of what is selected, once it is chosen.
chosen as materialized (
    select
        a.pid,
        a.backend_start,
        r.rolname as role_name,
        'a publication or an upgrade waited for its locks' as reason
    from chain as c
    inner join pg_stat_activity as a on c.pid = a.pid
    inner join reader as r on a.usesysid = r.oid
    where
        (
            $1 = any(pg_blocking_pids(a.pid))
            or (select w.since from waiting as w) < clock_timestamp() - make_interval(secs => $2)
            and not exists (select from pg_locks as k where k.pid = a.pid and not k.granted)
        )
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
