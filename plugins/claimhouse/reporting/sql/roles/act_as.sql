-- A publisher that is no superuser lays views and writes extracts as another role only where that is granted.
do $$
begin
    if not (select rolsuper from pg_roles where rolname = current_user) then
        grant {{ role }} to current_user with inherit {{ inherit }}, set true;
    end if;
end
$$;
