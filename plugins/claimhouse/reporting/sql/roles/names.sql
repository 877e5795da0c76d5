-- Each login, its database role and the schema of that name, where it has one.
select
    l.login,
    l.role_name,
    n.nspname as schema_name
from security.login as l
left join pg_namespace as n on l.role_name = n.nspname
order by l.login;
