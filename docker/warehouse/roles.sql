-- The roles of the warehouse, and what nobody needs. psql runs it as the superuser when the database is made; it can
-- be repeated. SECRETS is the folder with the passwords. docs/security.md says what each role is for.
\set ON_ERROR_STOP on
\set owner_password `cat "$SECRETS/warehouse_owner_password"`
\set loader_password `cat "$SECRETS/warehouse_loader_password"`
\set deliverer_password `cat "$SECRETS/warehouse_deliverer_password"`
\set pages_password `cat "$SECRETS/warehouse_pages_password"`
\set portal_password `cat "$SECRETS/warehouse_portal_password"`
-- A statement with a password must not be in the log, even if it fails.
set log_min_error_statement = panic;
set client_min_messages = warning;

select format('create role %I', role)
from
    unnest(
        array[
            'claimhouse', 'claimhouse_loader', 'claimhouse_deliverer', 'claimhouse_pages', 'claimhouse_viewer',
            'claimhouse_reviewer', 'claimhouse_portal'
        ]
    ) as role
where role not in (select rolname from pg_roles)
\gexec

alter role claimhouse login nosuperuser createrole nocreatedb noreplication nobypassrls password :'owner_password';
alter role claimhouse_loader
login nosuperuser nocreaterole nocreatedb noreplication nobypassrls password :'loader_password';
alter role claimhouse_deliverer
login nosuperuser nocreaterole nocreatedb noreplication nobypassrls password :'deliverer_password';
alter role claimhouse_pages
login nosuperuser nocreaterole nocreatedb noreplication nobypassrls password :'pages_password';
alter role claimhouse_portal
login nosuperuser nocreaterole nocreatedb noreplication nobypassrls password :'portal_password';
alter role claimhouse_viewer nologin nosuperuser nocreaterole nocreatedb noreplication nobypassrls;
alter role claimhouse_reviewer nologin nosuperuser nocreaterole nocreatedb noreplication nobypassrls;
-- Each request of a page becomes one of these; the login itself may do nothing.
grant claimhouse_viewer, claimhouse_reviewer to claimhouse with admin true, inherit true, set true;
grant claimhouse_viewer, claimhouse_reviewer to claimhouse_pages with inherit false, set true;
-- The guard ends sessions of the portal that stand in the way.
grant claimhouse_portal to claimhouse with inherit true, set false;
-- Publication grants the tables that the loader owns, and writes what it records of their changes.
grant claimhouse_loader to claimhouse with inherit true, set true;

-- Roles that came with an older warehouse: publication changes them, and an upgrade changes the views of some.
select
    format(
        'grant %I to claimhouse with admin true, set true, inherit %s',
        rolname,
        case when rolname like '%\_owner' then 'true' else 'false' end
    )
from pg_roles
where
    rolname ~ '^(client|staff|reader)_'
    or rolname in ('reporting_owner', 'identified_owner', 'raw_owner', 'metrics_owner', 'tableau_service')
\gexec

-- What a superuser made, before the warehouse had an owner of its own.
select format('alter schema %I owner to claimhouse', n.nspname)
from pg_namespace as n
inner join pg_roles as r on n.nspowner = r.oid
where r.rolsuper and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
\gexec
select
    format(
        'alter %s %s owner to claimhouse',
        case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end,
        c.oid::regclass
    )
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
inner join pg_roles as r on c.relowner = r.oid
where
    r.rolsuper and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'S')
    -- A sequence of a column goes with its table.
    and not exists (
        select
        from pg_depend as d
        where c.relkind = 'S' and d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
    )
\gexec
select format('alter function %s owner to claimhouse', p.oid::regprocedure)
from pg_proc as p
inner join pg_namespace as n on p.pronamespace = n.oid
inner join pg_roles as r on p.proowner = r.oid
where r.rolsuper and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
\gexec

select format('alter database %I owner to claimhouse', current_database())
\gexec
select format('revoke all on database %I from public', datname)
from pg_database
where datname in (current_database(), 'postgres', 'template1')
\gexec
revoke all on schema public from public;
grant usage, create on schema public to claimhouse;

-- Readers cannot take the last connections, nor lift the limit of their temporary files.
grant pg_use_reserved_connections to claimhouse, claimhouse_loader, claimhouse_deliverer, claimhouse_pages;
grant set on parameter temp_file_limit to claimhouse;
alter role claimhouse_portal set temp_file_limit = '2GB';
-- What nobody needs of PostgreSQL's own functions: walls.sql, which is
-- plugins/claimhouse/reporting/sql/harden/functions.sql.
