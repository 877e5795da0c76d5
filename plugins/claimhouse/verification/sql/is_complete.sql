-- Whether the table of a feed is as verification/table.sql leaves it. $1 schema, $2 table, $3 names of the contract's
-- columns, $4 their descriptions.
select
    not exists (
        select from unnest($3::text[], $4::text[]) as k (name, description)
        where not exists (
            select from pg_attribute as a
            where
                a.attrelid = t.oid
                and a.attname = k.name
                and not a.attisdropped
                and col_description(t.oid, a.attnum) is not distinct from nullif(k.description, '')
        )
    )
    and exists (
        select from pg_attribute as a
        where a.attrelid = t.oid and a.attname = 'batch_id' and a.attstattarget = 10
    )
    and exists (
        select from pg_index as i
        where i.indrelid = t.oid and i.indexrelid = to_regclass(quote_ident($1) || '.' || quote_ident($2 || '_batch'))
    )
    and not exists (
        select from pg_roles as r
        where
            r.rolname in ('claimhouse_viewer', 'claimhouse_reviewer')
            and not has_table_privilege(r.rolname, t.oid, 'select')
    ) as is_complete
from pg_class as t
where t.oid = to_regclass(quote_ident($1) || '.' || quote_ident($2));
