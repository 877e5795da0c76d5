-- The size of the table $2 in the schema $1: its pages, and the planner's estimate of its rows.
select
    pg_relation_size(c.oid) / current_setting('block_size')::bigint as pages,
    c.reltuples::bigint as row_estimate
from pg_class as c
where c.oid = to_regclass(quote_ident($1) || '.' || quote_ident($2));
