-- The columns of the primary key of the table $2 in the schema $1, in their order.
select a.attname as name
from pg_constraint as c
cross join lateral unnest(c.conkey) with ordinality as k (attnum, position)
inner join pg_attribute as a on c.conrelid = a.attrelid and k.attnum = a.attnum
where c.conrelid = to_regclass(quote_ident($1) || '.' || quote_ident($2)) and c.contype = 'p'
order by k.position;
