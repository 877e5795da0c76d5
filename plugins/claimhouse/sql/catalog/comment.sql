-- The comment of the table or view $2 in the schema $1, if there is one.
select obj_description(c.oid, 'pg_class') as comment
from pg_class as c
where c.oid = to_regclass(quote_ident($1) || '.' || quote_ident($2));
