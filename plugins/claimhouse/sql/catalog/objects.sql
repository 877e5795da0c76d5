-- What the revisions made, in the given schemas: tables and views, columns, constraints, functions.
-- Keys of facts are left out: the first load of a fact drops and creates them.
with relation as (
    select
        c.oid,
        c.relkind,
        format('%s.%s', n.nspname, c.relname) as name
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where n.nspname = any($1) and c.relkind in ('r', 'p', 'v')
)

select
    case relkind when 'v' then 'view' else 'table' end as kind,
    name as object,
    '' as definition
from relation
union all
select
    'column' as kind,
    format('%s.%s', relation.name, a.attname) as object,
    format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end as definition
from relation
inner join pg_attribute as a on relation.oid = a.attrelid
where a.attnum > 0 and not a.attisdropped
union all
select
    'constraint' as kind,
    format('%s.%s', relation.name, k.conname) as object,
    pg_get_constraintdef(k.oid) as definition
from relation
inner join pg_constraint as k on relation.oid = k.conrelid
where k.contype in ('c', 'f', 'p', 'u') and not (relation.name like 'star.fact\_%' and k.contype = 'p')
union all
select
    'function' as kind,
    format('%s.%s(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as object,
    md5(p.prosrc) as definition
from pg_proc as p
inner join pg_namespace as n on p.pronamespace = n.oid
where n.nspname = any($1)
order by 1, 2;
