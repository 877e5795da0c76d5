-- One role of a client. Roles belong to the server: another database may make or alter it at this moment.
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
        -- "tuple concurrently updated": what the other wrote is to be seen now
        exception when internal_error then
            if attempt = 5 then
                raise;
            end if;
        end;
    end loop;
end
$$;
