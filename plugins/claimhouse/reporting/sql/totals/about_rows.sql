-- $1: a fact. About how many rows it has; fewer than none where nobody has counted.
select c.reltuples::bigint as about_rows
from pg_class as c
where c.oid = ('star.' || quote_ident($1))::regclass;
