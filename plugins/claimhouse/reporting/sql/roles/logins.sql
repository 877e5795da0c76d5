-- The roles that people log in with, and what is stored for each: settings for all databases, settings for this
-- one, the verifier of its password where the caller may read it, and the schema that is its search path.
select
    l.login,
    r.rolname as role_name,
    r.rolconnlimit as connection_limit,
    coalesce(s.setconfig, '{}') as settings,
    coalesce(d.setconfig, '{}') as settings_here,
    (
        select n.nspname
        from pg_namespace as n
        where n.nspname = case r.rolname when 'tableau_service' then 'shared' else r.rolname end
    ) as home,
    {% if is_superuser -%}
        (select a.rolpassword from pg_authid as a where a.oid = r.oid) as verifier
    {% else -%}
        null as verifier
    {% endif -%}
from (
    select
        l.login,
        l.role_name
    from security.login as l
    where not l.is_own_role
    union all
    select
        'tableau_service' as login,
        'tableau_service' as role_name
) as l
inner join pg_roles as r on l.role_name = r.rolname
left join pg_db_role_setting as s on r.oid = s.setrole and s.setdatabase = 0
left join pg_db_role_setting as d
    on r.oid = d.setrole and d.setdatabase = (select b.oid from pg_database as b where b.datname = current_database())
order by l.role_name;
