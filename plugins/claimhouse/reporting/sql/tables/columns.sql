-- The columns of the temporary table described.
select
    a.attname as name,
    format_type(a.atttypid, a.atttypmod) as type
from pg_attribute as a
where a.attrelid = 'pg_temp.described'::regclass and a.attnum > 0 and not a.attisdropped
order by a.attnum;
