-- Lets the role that delivers, where the server has one, write extracts as a reader's own role.
do $$
begin
    if exists (select from pg_roles where rolname = 'claimhouse_deliverer') then
        grant {{ role }} to claimhouse_deliverer with inherit false, set true;
    end if;
end
$$;
