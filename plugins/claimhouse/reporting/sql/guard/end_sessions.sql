-- End the sessions of readers that run, wait or lock longer than they may, or are in a database of the server that
-- lets everybody connect. Seconds: $1 of a statement, $2 of a transaction, $3 idle in one, $4 idle, $5 until its own
-- wait for a lock ends, $6 that others wait for it.
with reader as (
    {% include "reporting/sql/guard/readers.jinja" %}
),

-- Who may connect because it was granted to them.
granted as (
    select
        d.datname,
        c.grantee
    from pg_database as d
    cross join lateral aclexplode(d.datacl) as c
    where c.privilege_type = 'CONNECT'
),

blocker as (
    select b.pid
    from pg_locks as w
    cross join lateral unnest(pg_blocking_pids(w.pid)) as b (pid)
    where not w.granted and w.waitstart < clock_timestamp() - make_interval(secs => $6)
    union
    -- On a standby what is written on the primary waits, and everybody behind it.
    select h.pid
    from pg_locks as w
    inner join pg_locks as h on w.locktype = h.locktype and w.database = h.database and w.relation = h.relation
    where
        pg_is_in_recovery() and not w.granted and w.mode = 'AccessExclusiveLock' and h.granted
        and w.waitstart < clock_timestamp() - make_interval(secs => $6)
),

session as (
    select
        a.pid,
        a.backend_start,
        r.rolname as role_name,
        case
            when a.datname <> current_database()
                then case
                    when
                        exists (select from granted as g where g.datname = current_database() and g.grantee = r.oid)
                        -- another warehouse looks after its own readers
                        and not exists (select from granted as g where a.datname = g.datname and g.grantee = r.oid)
                        then 'was in another database'
                end
            when
                exists (
                    select
                    from pg_locks as k
                    where
                        k.pid = a.pid and k.locktype = 'advisory'
                        -- on a standby, that of security.bind
                        and not (pg_is_in_recovery() and r.rolname = 'tableau_service' and k.mode = 'ShareLock')
                )
                then 'held an advisory lock'
            when
                a.pid in (select b.pid from blocker as b)
                -- It waits itself, and not for longer than it may.
                and not exists (
                    select
                    from pg_locks as k
                    where
                        k.pid = a.pid and not k.granted
                        and coalesce(k.waitstart > clock_timestamp() - make_interval(secs => $5), true)
                )
                then 'others waited for its locks'
            when a.xact_start < clock_timestamp() - make_interval(secs => $2)
                then 'its transaction took too long'
            when
                a.state in ('active', 'fastpath function call')
                and a.query_start < clock_timestamp() - make_interval(secs => $1)
                then 'its statement took too long'
            when
                a.state like 'idle in transaction%' and a.state_change < clock_timestamp() - make_interval(secs => $3)
                then 'was idle in a transaction'
            when a.state = 'idle' and a.state_change < clock_timestamp() - make_interval(secs => $4)
                then 'was idle'
        end as reason
    from pg_stat_activity as a
    inner join reader as r on a.usesysid = r.oid
    where a.backend_type = 'client backend' and a.pid <> pg_backend_pid()
),

-- A condition may be tested in any order: a session is ended in the list of what is selected, once it is chosen.
chosen as materialized (
    select
        s.pid,
        s.backend_start,
        s.role_name,
        s.reason
    from session as s
    where s.reason is not null
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
