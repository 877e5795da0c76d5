-- Two roles for the pages: one looks, one reviews (docs/security.md). A server may have them already, for production's
-- login or for another warehouse, whose owner alone may then let others take them. Their rights are given at the end of
-- each upgrade.
do $$
declare
    role text;
begin
    foreach role in array array['claimhouse_viewer', 'claimhouse_reviewer']
    loop
        if not exists (select from pg_roles as r where r.rolname = role) then
            execute format('create role %I nologin', role);
        end if;
        if not pg_has_role(role, 'set') then
            begin
                execute format('grant %I to current_user with inherit true, set true', role);
            exception
                when insufficient_privilege then
                    raise notice 'the pages cannot work as this owner: only as a login that % is granted to', role;
            end;
        end if;
    end loop;
end
$$;
