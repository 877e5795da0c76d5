-- The columns of junk dimensions that say what a word counts as.
select
    substr(c.table_name, length('dim_') + 1) as junk,
    left(c.column_name, -length('_counts_as')) as word
from information_schema.columns as c
where
    c.table_schema = 'star'
    and c.table_name like 'dim\_%'
    and c.column_name like '%\_counts\_as'
    and to_regclass('reference.' || left(c.column_name, -length('_counts_as'))) is not null
order by junk, word;
