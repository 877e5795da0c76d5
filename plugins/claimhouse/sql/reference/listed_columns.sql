-- The columns of junk dimensions that say what a word counts as.
select
    substr(c.relname, length('dim_') + 1) as junk,
    left(a.attname, -length('_counts_as')) as word
from pg_class as c
inner join pg_attribute as a on c.oid = a.attrelid
where
    c.relnamespace = 'star'::regnamespace
    and c.relkind = 'r'
    and c.relname like 'dim\_%'
    and a.attname like '%\_counts\_as'
    and not a.attisdropped
    and to_regclass('reference.' || left(a.attname, -length('_counts_as'))) is not null
order by junk, word;
