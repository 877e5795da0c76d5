-- Give the role {{ login }} the name {{ role }}, unless that role is there already. A role that another database of
-- the server uses keeps its name, and a new one is created.
-- sqlfluff:templater:jinja:context:login:client_x__y
-- sqlfluff:templater:jinja:context:role:reader_0123abcd
do $$
begin
    if
        exists (select from pg_roles as r where r.rolname = '{{ login }}')
        and not exists (select from pg_roles as r where r.rolname = '{{ role }}')
        and not exists (
            select
            from pg_shdepend as d
            where
                d.refclassid = 'pg_authid'::regclass and d.refobjid = '{{ login }}'::regrole
                -- 0: an object of the server; a database is one
                and d.dbid <> (select b.oid from pg_database as b where b.datname = current_database())
                and not (
                    d.dbid = 0 and d.classid = 'pg_database'::regclass
                    and d.objid = (select b.oid from pg_database as b where b.datname = current_database())
                )
                and not (d.dbid = 0 and d.classid <> 'pg_database'::regclass)
        )
    then
        alter role {{ login }} rename to {{ role }};
    end if;
end
$$;
