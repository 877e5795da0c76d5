-- Views of an extension tell of the whole server, such as every statement (pg_stat_statements): they and the functions
-- behind them are nobody's but their owner's, where the caller may say so.
do $$
declare
    place record;
begin
    for place in
        select c.oid::regclass as name
        from pg_class as c
        inner join pg_depend as d
            on d.classid = 'pg_class'::regclass and c.oid = d.objid and d.deptype = 'e'
        cross join lateral aclexplode(c.relacl) as a
        where c.relkind = 'v' and a.grantee = 0 and pg_has_role(c.relowner, 'usage')
    loop
        execute format('revoke all on %s from public', place.name);
    end loop;
    for place in
        select p.oid::regprocedure as name
        from pg_proc as p
        inner join pg_depend as d
            on d.classid = 'pg_proc'::regclass and p.oid = d.objid and d.deptype = 'e'
        where
            p.proretset and p.provolatile = 'v' and pg_has_role(p.proowner, 'usage')
            and exists (
                select
                from pg_depend as o
                inner join pg_class as c on o.objid = c.oid
                where
                    o.classid = 'pg_class'::regclass and o.deptype = 'e' and d.refobjid = o.refobjid
                    and c.relkind = 'v'
            )
            and (p.proacl is null or exists (select from aclexplode(p.proacl) as a where a.grantee = 0))
    loop
        execute format('revoke all on function %s from public', place.name);
    end loop;
end
$$;
