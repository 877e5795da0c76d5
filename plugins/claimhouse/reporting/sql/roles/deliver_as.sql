-- Lets the role that delivers, where the server has one, write extracts as a reader's own role, and dashboards as a
-- person's: not of one who sees a restricted specialty that the reader's extracts do not have.
do $$
begin
    if not exists (select from pg_roles where rolname = 'claimhouse_deliverer') then
        return;
    end if;
    if exists (
        select
        from security.login as l
        inner join security.entitlement as e on l.login = e.login and e.kind = 'restricted_specialty'
        where
            l.role_name = '{{ role }}'
            and not exists (
                select
                from security.login as o
                inner join security.entitlement as x on o.login = x.login
                where
                    l.client = o.client and o.is_own_role
                    and (e.source_system, e.kind, e.value) = (x.source_system, x.kind, x.value)
            )
    ) then
        if pg_has_role('claimhouse_deliverer', '{{ role }}', 'member') then
            revoke {{ role }} from claimhouse_deliverer;
        end if;
    else
        grant {{ role }} to claimhouse_deliverer with inherit false, set true;
    end if;
end
$$;
