-- How large the table $2 in the schema $1 is: its pages, and its rows as the planner counted them last.
select
    pg_relation_size(c.oid) / current_setting('block_size')::bigint as pages,
    c.reltuples::bigint as row_estimate
from pg_class as c
where c.oid = to_regclass(quote_ident($1) || '.' || quote_ident($2));
