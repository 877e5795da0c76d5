-- The tables of the star whose changes are recorded.
select c.relname as relation
from pg_class as c
where c.relnamespace = 'change'::regnamespace and c.relkind = 'r' and c.relname not in ('captured_source', 'rebuilt')
order by c.relname;
