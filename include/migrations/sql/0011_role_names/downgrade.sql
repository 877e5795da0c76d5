do $$
declare
    role record;
begin
    for role in
        select
            l.role_name,
            l.login
        from security.login as l
        inner join pg_roles as r on l.role_name = r.rolname
        where l.role_name <> l.login
    loop
        execute format('alter role %I rename to %I', role.role_name, role.login);
    end loop;
end
$$;
alter table security.login drop column role_name;
comment on column security.login.login is null;
