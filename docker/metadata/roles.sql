-- The databases of Airflow: its own, and the results of Celery's tasks, which is all that workers may reach here. psql
-- runs it as the superuser when the server is made; it can be repeated. SECRETS is the folder with the passwords.
\set ON_ERROR_STOP on
\set metadata_password `cat "$SECRETS/metadata_password"`
\set results_password `cat "$SECRETS/results_password"`
-- A statement with a password must not be in the log, even if it fails.
set log_min_error_statement = panic;
set client_min_messages = warning;

select format('create role %I', role)
from unnest(array['airflow', 'results']) as role
where role not in (select rolname from pg_roles)
\gexec
alter role airflow login nosuperuser nocreaterole nocreatedb noreplication nobypassrls password :'metadata_password';
alter role results login nosuperuser nocreaterole nocreatedb noreplication nobypassrls password :'results_password';

select format('create database %I owner %I', name, name)
from unnest(array['airflow', 'results']) as name
where name not in (select datname from pg_database)
\gexec
alter database airflow owner to airflow;
alter database results owner to results;
revoke all on database airflow, results, postgres, template1 from public;

-- What a superuser made in Airflow's database, before it had an owner of its own.
\connect airflow
select
    format(
        'alter %s %s owner to airflow',
        case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end,
        c.oid::regclass
    )
from pg_class as c
inner join pg_roles as r on c.relowner = r.oid
where
    r.rolsuper and c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'S')
    -- A sequence of a column goes with its table.
    and not exists (
        select
        from pg_depend as d
        where c.relkind = 'S' and d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
    )
\gexec
select format('alter type %s owner to airflow', t.oid::regtype)
from pg_type as t
inner join pg_roles as r on t.typowner = r.oid
where r.rolsuper and t.typnamespace = 'public'::regnamespace and t.typtype in ('e', 'd')
\gexec
