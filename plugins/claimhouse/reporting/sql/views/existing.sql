-- The views of the schema reporting, and what each was created from.
select
    c.relname as view_name,
    r.definition
from pg_class as c
left join published.view as r on c.relname = r.report
where c.relnamespace = 'reporting'::regnamespace and c.relkind = 'v';
