create or replace function security.bound_audience() returns integer
language plpgsql immutable parallel restricted security definer
set search_path = pg_catalog, pg_temp
set debug_print_parse = off
set debug_print_rewritten = off
set debug_print_plan = off
as $$
begin
    return (select l.audience from security.login as l where l.login = security.bound_login());
end
$$;
