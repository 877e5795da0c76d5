-- Lets a publisher that is not a superuser give views to a role and write extracts as it.
do $$
begin
    if not (select rolsuper from pg_roles where rolname = current_user) then
        grant {{ role }} to current_user with inherit {{ inherit }}, set true;
    end if;
end
$$;
