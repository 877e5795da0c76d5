-- The columns of the table or view $2 in the schema $1, in their order, their types and comments;
-- must_be_given: a row without a value is refused.
select
    a.attname as name,
    format_type(a.atttypid, a.atttypmod) as type,
    col_description(a.attrelid, a.attnum) as comment,
    a.attnotnull and not a.atthasdef as must_be_given,
    pg_get_expr(d.adbin, d.adrelid) as default_value
from pg_attribute as a
left join pg_attrdef as d on a.attrelid = d.adrelid and a.attnum = d.adnum
where
    a.attrelid = to_regclass(quote_ident($1) || '.' || quote_ident($2))
    and a.attnum > 0
    and not a.attisdropped
order by a.attnum;
