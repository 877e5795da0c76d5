-- One role of a client. Roles belong to the server: another database may make it at this moment.
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
    if (select rolcanlogin from pg_roles where rolname = '{{ role }}') <> {{ can_login }} then
        alter role {{ role }} {{ "login" if can_login == "true" else "nologin" }};
    end if;
end
$$;
