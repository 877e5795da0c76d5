-- The columns of the table or view $2 in the schema $1, in their order, their types and comments.
select
    a.attname as name,
    format_type(a.atttypid, a.atttypmod) as type,
    col_description(a.attrelid, a.attnum) as comment
from pg_attribute as a
where
    a.attrelid = to_regclass(quote_ident($1) || '.' || quote_ident($2))
    and a.attnum > 0
    and not a.attisdropped
order by a.attnum;
