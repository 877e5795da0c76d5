-- Create a role of a reader. Roles belong to the server: a publication in another database may create or alter the
-- same role at the same time.
do $$
begin
    if not exists (select from pg_roles where rolname = '{{ role }}') then
        create role {{ role }} nologin;
    end if;
exception when duplicate_object or unique_violation then null;
end
$$;
do $$
begin
    for attempt in 1..5 loop
        begin
            if (select rolcanlogin from pg_roles where rolname = '{{ role }}') <> {{ can_login }} then
                alter role {{ role }} {{ "login" if can_login == "true" else "nologin" }};
            end if;
            return;
        -- "tuple concurrently updated": try again, with what the other session wrote
        exception when internal_error then
            if attempt = 5 then
                raise;
            end if;
        end;
    end loop;
end
$$;
