-- Record the changes of every table of the star, also of those and of columns that were added to it.
select change.capture(c.oid)
from pg_class as c
where
    c.relnamespace = 'star'::regnamespace and c.relkind in ('r', 'p')
    and (starts_with(c.relname, 'fact_') or starts_with(c.relname, 'bridge_') or starts_with(c.relname, 'dim_'))
