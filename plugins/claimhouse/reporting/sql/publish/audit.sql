-- Everything that would let a reader see more than it may; no rows if the publication is safe.
with reader as (
    select
        r.oid,
        r.rolname,
        l.role_name is null and r.rolname <> 'tableau_service' as is_view_owner,
        coalesce(c.schemas, '{}') as schemas,
        coalesce(c.reports, '{}') as reports,
        c.privacy_level,
        r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication as has_forbidden_right
    from pg_roles as r
    left join security.login as l on r.rolname = l.role_name
    left join security.client as c on l.client = c.client
    where
        l.role_name is not null
        or r.rolname in ('reporting_owner', 'identified_owner', 'tableau_service')
),

-- Views of an extension are none of ours: whoever installs it decides who reads them (pg_stat_statements shows each
-- role its own statements).
of_an_extension as (
    select
        d.classid,
        d.objid
    from pg_depend as d
    where d.deptype = 'e'
),

relation as (
    select
        c.oid,
        c.relname,
        c.relkind,
        c.relowner,
        pg_get_userbyid(c.relowner) as owner_name,
        c.relrowsecurity,
        c.reloptions,
        n.nspname,
        -- the schemas that the roles file can open: source, star, metrics
        case when n.nspname = 'reference' then 'star' else split_part(n.nspname, '_', 1) end as kind,
        format('%I.%I', n.nspname, c.relname) as name
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where
        c.relkind in ('r', 'p', 'v', 'm', 'f')
        and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
        and n.nspname not like 'pg\_temp%'
        and not exists (
            select
            from of_an_extension as e
            where e.classid = 'pg_class'::regclass and c.oid = e.objid
        )
)

select format('role %s has a right that no reader may have', r.rolname) as problem
from reader as r
where r.has_forbidden_right
union all
select format('role %s is a member of %s', r.rolname, m.roleid::regrole)
from reader as r
inner join pg_auth_members as m on r.oid = m.member
union all
select 'role claimhouse_portal has a right that the portal may not have'
from pg_roles as r
where
    r.rolname = 'claimhouse_portal'
    and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication)
union all
-- Of people's roles of this or another warehouse of the server it is a member, and has their rights once it takes one.
select format('role claimhouse_portal is a member of %s', r.rolname)
from pg_auth_members as m
inner join pg_roles as p on m.member = p.oid
inner join pg_roles as r on m.roleid = r.oid
where
    p.rolname = 'claimhouse_portal'
    and (
        r.rolname !~ '^((client|staff)_.+|reader_[0-9a-f]+)$'
        or r.rolname in (select l.role_name from security.login as l where l.is_own_role)
        or m.inherit_option or m.admin_option
    )
union all
select format('role claimhouse_portal reaches %s', t.name)
from pg_roles as r
cross join relation as t
where
    r.rolname = 'claimhouse_portal' and t.nspname <> 'portal' and t.name <> 'public.schema_version'
    and has_any_column_privilege(r.oid, t.oid, 'select, insert, update, references')
union all
select format('role %s owns %s', r.rolname, t.name)
from reader as r
inner join relation as t on r.oid = t.relowner
where t.nspname <> 'reporting' or t.relkind <> 'v' or not r.is_view_owner
union all
select format('%s is not a view of an owner of reports', t.name)
from relation as t
where
    t.nspname = 'reporting'
    and (t.relkind <> 'v' or t.owner_name not in ('reporting_owner', 'identified_owner'))
union all
-- A reader's conditions could tell of rows that it does not show. A published view has none, see views.py; nor has one
-- of the star, which its readers may read.
select format('%s is not a security_barrier view', t.name)
from relation as t
where
    t.nspname = 'reporting' and t.relkind = 'v' and t.owner_name = 'identified_owner'
    and not coalesce('security_barrier=true' = any(t.reloptions), false)
    and not exists (
        select
        from pg_rewrite as w
        inner join pg_depend as d on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass
        inner join pg_class as s on d.refobjid = s.oid and s.relnamespace = 'star'::regnamespace
        where w.ev_class = t.oid
    )
union all
select format('%s does not ask who is reading', t.name)
from relation as t
where
    t.nspname = 'reporting' and t.relkind = 'v' and t.owner_name = 'reporting_owner'
    and pg_get_viewdef(t.oid) not like '%bound\_audience()%'
union all
select format('%s reads more than what is published', t.owner_name)
from reader as r
cross join relation as t
where
    r.rolname = 'reporting_owner' and t.nspname not in ('reporting', 'published')
    and has_any_column_privilege(r.oid, t.oid, 'select')
union all
select format('role %s reads %s, which shows the star as it is loaded', r.rolname, t.name)
from reader as r
cross join relation as t
where
    not r.is_view_owner and t.nspname = 'reporting' and t.owner_name = 'identified_owner'
    and has_any_column_privilege(r.oid, t.oid, 'select')
    and not 'star' = any(r.schemas)
    and exists (
        select
        from pg_rewrite as w
        inner join pg_depend as d on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass
        inner join pg_class as s on d.refobjid = s.oid and s.relnamespace = 'star'::regnamespace
        where w.ev_class = t.oid
    )
union all
select format('role %s reaches %s', r.rolname, t.name)
from reader as r
cross join relation as t
where
    not r.is_view_owner and t.nspname <> 'reporting'
    and (
        has_any_column_privilege(r.oid, t.oid, 'insert, update, references')
        or has_table_privilege(r.oid, t.oid, 'delete, truncate, trigger, maintain')
        or has_any_column_privilege(r.oid, t.oid, 'select') and not t.kind = any(r.schemas)
    )
union all
select format('role %s reads %s, which its file does not list', r.rolname, t.name)
from reader as r
cross join relation as t
where
    not r.is_view_owner and r.rolname <> 'tableau_service' and t.nspname = 'reporting'
    and has_any_column_privilege(r.oid, t.oid, 'select')
    and not t.relname = any(r.reports)
union all
select format('role %s may use the schema %s', r.rolname, n.nspname)
from reader as r
cross join pg_namespace as n
where
    not r.is_view_owner
    and n.nspname not in ('reporting', 'pg_catalog', 'information_schema', 'public')
    and n.nspname not like 'pg\_temp%' and n.nspname not like 'pg\_toast%'
    and not (r.rolname = 'tableau_service' and n.nspname = 'security')
    and not case when n.nspname = 'reference' then 'star' else split_part(n.nspname, '_', 1) end = any(r.schemas)
    and has_schema_privilege(r.oid, n.oid, 'usage, create')
    -- a schema with nothing in it but extensions
    and not (
        exists (select from pg_extension as e where n.oid = e.extnamespace)
        and not exists (select from relation as t where n.nspname = t.nspname)
    )
union all
select format('role %s may create in the schema %s', r.rolname, n.nspname)
from reader as r
cross join pg_namespace as n
where
    not r.is_view_owner and n.nspname not like 'pg\_temp%' and n.nspname not like 'pg\_toast%'
    and has_schema_privilege(r.oid, n.oid, 'create')
union all
select format('role %s may call %s', r.rolname, f.oid::regprocedure)
from reader as r
cross join pg_proc as f
inner join pg_namespace as n on f.pronamespace = n.oid
where
    not r.is_view_owner
    and n.nspname not in ('pg_catalog', 'information_schema', 'public')
    and not (
        r.rolname = 'tableau_service'
        and f.oid in (
            'security.bind'::regproc, 'security.bound_login'::regproc, 'security.bound_audience'::regproc,
            'security.bound_specialty'::regproc
        )
    )
    and not exists (
        select
        from of_an_extension as e
        where e.classid = 'pg_proc'::regclass and f.oid = e.objid
    )
    and has_function_privilege(r.oid, f.oid, 'execute') and has_schema_privilege(r.oid, n.oid, 'usage')
order by 1;
