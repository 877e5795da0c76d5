create or replace function security.bind(tableau_user text) returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set debug_print_parse = off
set debug_print_rewritten = off
set debug_print_plan = off
as $$
declare
    person text := coalesce(lower(trim(bind.tableau_user)), '');
begin
    if session_user <> 'tableau_service' then
        raise exception 'only the login of Tableau is bound' using errcode = 'insufficient_privilege';
    end if;
    if exists (
        select
        from pg_locks as k
        where k.pid = pg_backend_pid() and k.locktype = 'advisory'
    ) then
        raise exception 'this session is bound already' using errcode = 'insufficient_privilege';
    end if;
    if pg_is_in_recovery() then
        -- A standby takes no row: a lock that lasts as long as the session remembers the binding.
        if not security.has_locks_of_its_own() then
            raise exception 'on this standby no session can be bound: everybody may take advisory locks'
            using errcode = 'object_not_in_prerequisite_state', hint = 'docs/security.md, "What is not promised"';
        end if;
        perform pg_advisory_lock_shared(
            coalesce((select hashtextextended(l.login, 0) from security.login as l where l.tableau_user = person), 0)
        );
        return 'bound';
    end if;
    insert into security.binding (pid, backend_start, tableau_user)
    select
        pg_backend_pid(),
        a.backend_start,
        person
    from pg_stat_get_activity(pg_backend_pid()) as a;
    return 'bound';
exception
    when unique_violation then
        raise exception 'this session is bound already' using errcode = 'insufficient_privilege';
end
$$;

create or replace function security.bound_login() returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set debug_print_parse = off
set debug_print_rewritten = off
set debug_print_plan = off
as $$
begin
    if session_user <> 'tableau_service' then
        return null;
    end if;
    if pg_is_in_recovery() then
        return (
            select l.login
            from pg_locks as k
            inner join security.login as l
                on (k.classid::bigint << 32) | k.objid::bigint = hashtextextended(l.login, 0)
            where
                k.pid = pg_backend_pid() and k.locktype = 'advisory' and k.objsubid = 1 and k.granted
                and l.tableau_user is not null and security.has_locks_of_its_own()
        );
    end if;
    return (
        select l.login
        from security.binding as b
        inner join pg_stat_get_activity(pg_backend_pid()) as a on b.pid = a.pid and b.backend_start = a.backend_start
        inner join security.login as l on b.tableau_user = l.tableau_user
        -- It counts once it can no longer be rolled back and made anew for somebody else.
        where b.bound_in is distinct from pg_current_xact_id_if_assigned()
    );
end
$$;
comment on function security.bound_login is
'The login as which a session of Tableau reads; null before it is bound, and for all other sessions';
