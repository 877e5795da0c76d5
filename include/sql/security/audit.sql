-- What would let a reader see more than it may. No row: all is as it must be.
with reader as (
    select
        r.oid,
        r.rolname,
        r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication as has_power
    from pg_roles as r
    where
        r.rolname = 'reporting_owner'
        or r.rolname in (select l.login from security.login as l)
),

relation as (
    select
        c.oid,
        c.relkind,
        c.relowner,
        c.relrowsecurity,
        c.reloptions,
        n.nspname,
        format('%I.%I', n.nspname, c.relname) as name
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where
        c.relkind in ('r', 'p', 'v', 'm', 'f')
        and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
)

select format('role %s has a power no reader may have', r.rolname) as problem
from reader as r
where r.has_power
union all
select format('role %s is a member of %s', r.rolname, m.roleid::regrole)
from reader as r
inner join pg_auth_members as m on r.oid = m.member
union all
select format('role %s owns %s', r.rolname, t.name)
from reader as r
inner join relation as t on r.oid = t.relowner
where t.nspname <> 'reporting' or t.relkind <> 'v' or r.rolname <> 'reporting_owner'
union all
select format('%s is not a security_barrier view of reporting_owner', t.name)
from relation as t
where
    t.nspname = 'reporting'
    and (
        t.relkind <> 'v' or t.relowner <> 'reporting_owner'::regrole
        or not coalesce('security_barrier=true' = any(t.reloptions), false)
    )
union all
select format('reporting_owner reads %s, which has no row-level security', t.name)
from relation as t
where
    t.nspname not in ('reporting', 'security') and not t.relrowsecurity
    and has_any_column_privilege('reporting_owner', t.oid, 'select')
union all
select format('role %s reaches %s', r.rolname, t.name)
from reader as r
cross join relation as t
where
    r.rolname <> 'reporting_owner' and t.nspname <> 'reporting'
    and (
        has_any_column_privilege(r.oid, t.oid, 'select, insert, update, references')
        or has_table_privilege(r.oid, t.oid, 'delete, truncate, trigger, maintain')
    )
union all
select format('role %s may use the schema %s', r.rolname, n.nspname)
from reader as r
cross join pg_namespace as n
where
    r.rolname <> 'reporting_owner'
    and n.nspname not in ('reporting', 'pg_catalog', 'information_schema', 'public')
    and n.nspname not like 'pg\_temp%' and n.nspname not like 'pg\_toast%'
    and has_schema_privilege(r.oid, n.oid, 'usage, create')
order by 1;
