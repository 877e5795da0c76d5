-- $1: a report. The comments on its view (column_name is null) and on each column.
select
    a.attname as column_name,
    coalesce(d.description, '') as description
from pg_class as c
left join pg_description as d on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
left join pg_attribute as a on c.oid = a.attrelid and d.objsubid = a.attnum and d.objsubid > 0
where c.relnamespace = 'reporting'::regnamespace and c.relname = $1;
