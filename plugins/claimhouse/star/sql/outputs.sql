-- The columns of a query from what the protocol tells of them: names, types, type modifiers, and the table or view
-- and the column in it that each is, if it is one as it stands.
select
    o.name,
    format_type(o.type, o.modifier) as type,
    n.nspname || '.' || c.relname as relation,
    a.attname as origin
from
    unnest($1::text[], $2::oid[], $3::integer[], $4::oid[], $5::integer[]) with ordinality
        as o (name, type, modifier, relation, number, position)
left join pg_class as c on o.relation = c.oid
left join pg_namespace as n on c.relnamespace = n.oid
left join pg_attribute as a on c.oid = a.attrelid and o.number = a.attnum
order by o.position;
