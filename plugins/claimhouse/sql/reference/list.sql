-- sqlfluff:templater:jinja:context:name:place_of_service
-- sqlfluff:templater:jinja:context:columns:["code", "name"]
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The table of a reference list, empty. A column that is no longer in the list stays, for views may read it.
create table if not exists reference.{{ name }} ();
{% for column in columns %}alter table reference.{{ name }} add column if not exists {{ column }} text;
{% endfor %}delete from reference.{{ name }};
-- A publication may be the first to fill it, and a load under another role the next: both may be its owner.
do $$
begin
    if exists (
        select
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        where c.oid = 'reference.{{ name }}'::regclass and c.relowner <> n.nspowner
    ) then
        execute format(
            'alter table reference.{{ name }} owner to %I',
            (select pg_get_userbyid(n.nspowner) from pg_namespace as n where n.nspname = 'reference')
        );
    end if;
end
$$;
