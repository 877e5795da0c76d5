-- Which tables and views of the star each mapping of the source system $1 reads, itself or through other views.
with recursive
read (target, relation) as (
    select
        substr(c.relname, length('star_') + 1) as target,
        c.oid as relation
    from pg_class as c
    where c.relnamespace = to_regnamespace('source_' || $1) and starts_with(c.relname, 'star_') and c.relkind = 'v'
    union
    select
        read.target,
        d.refobjid as relation
    from read
    inner join pg_rewrite as w on read.relation = w.ev_class
    inner join pg_depend as d
        on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
)

select
    read.target,
    array_agg(c.relname::text order by c.relname) as relations
from read
inner join pg_class as c on read.relation = c.oid
where c.relnamespace = 'star'::regnamespace
group by read.target
order by read.target;
