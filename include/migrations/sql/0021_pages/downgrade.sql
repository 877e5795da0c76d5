-- The roles stay: another warehouse of the server may use them.
do $$
declare
    role text;
begin
    foreach role in array array['claimhouse_viewer', 'claimhouse_reviewer']
    loop
        if exists (select from pg_roles as r where r.rolname = role and pg_has_role(r.oid, 'set')) then
            execute format('drop owned by %I', role);
        end if;
    end loop;
end
$$;
