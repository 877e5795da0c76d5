-- Whether the caller is a superuser, and the settings that the server has and the caller may store for a role.
select
    (select r.rolsuper from pg_roles as r where r.rolname = current_user) as is_superuser,
    array(
        select s.name
        from pg_settings as s
        where
            s.name = any($1::text[])
            and (s.context = 'user' or has_parameter_privilege(current_user, s.name, 'set'))
    ) as settings;
