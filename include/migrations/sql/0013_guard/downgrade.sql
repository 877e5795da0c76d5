create or replace function security.bind(tableau_user text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if session_user <> 'tableau_service' then
        raise exception 'only the login of Tableau is bound' using errcode = 'insufficient_privilege';
    end if;
    insert into security.binding (pid, backend_start, tableau_user)
    select
        pg_backend_pid(),
        a.backend_start,
        coalesce(lower(trim(bind.tableau_user)), '')
    from pg_stat_get_activity(pg_backend_pid()) as a;
    return 'bound';
exception
    when unique_violation then
        raise exception 'this session is bound already' using errcode = 'insufficient_privilege';
end
$$;
create or replace view security.reader as
select
    l.login,
    l.specialty,
    c.client,
    c.is_internal,
    c.privacy_level,
    c.reports,
    k.inner_key,
    k.outer_key
from security.login as l
inner join security.client as c on l.client = c.client
inner join security.pseudonym_key as k on c.client = k.client
where
    case
        when current_user = 'tableau_service'
            then l.tableau_user = (
                select b.tableau_user
                from security.binding as b
                inner join pg_stat_get_activity(pg_backend_pid()) as a
                    on b.pid = a.pid and b.backend_start = a.backend_start
                -- It counts once it can no longer be rolled back and made anew for somebody else.
                where b.bound_in is distinct from pg_current_xact_id_if_assigned()
            )
        else l.login = current_user
    end;
drop function security.bound_login;
drop function security.has_locks_of_its_own;
drop table security.session_ended;
