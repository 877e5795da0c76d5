-- Give the roles of tasks what their work takes (docs/security.md). A server without these roles has one role for all.
do $$
declare
    place record;
begin
    if exists (
        select
        from pg_roles as r
        where r.rolname = 'claimhouse_loader' and pg_has_role(r.oid, 'set')
    ) then
        execute format('grant connect, create, temporary on database %I to claimhouse_loader', current_database());
        grant usage on schema public to claimhouse_loader;
        grant select on public.schema_version to claimhouse_loader;
        -- Loads create tables, indexes and views, and analyze what they fill: the loader owns what it loads.
        for place in
            select n.oid::regnamespace as name
            from pg_namespace as n
            where
                (n.nspname in ('landing', 'quality', 'reference', 'star') or n.nspname like 'source\_%')
                and n.nspowner <> 'claimhouse_loader'::regrole
        loop
            execute format('alter schema %s owner to claimhouse_loader', place.name);
        end loop;
        for place in
            select
                c.oid::regclass as name,
                case c.relkind when 'v' then 'view' else 'table' end as kind
            from pg_class as c
            inner join pg_namespace as n on c.relnamespace = n.oid
            where
                c.relowner <> 'claimhouse_loader'::regrole
                and (
                    n.nspname in ('landing', 'quality', 'reference', 'star') and c.relkind in ('r', 'p')
                    or n.nspname like 'source\_%' and c.relkind in ('r', 'p', 'v')
                )
        loop
            execute format('alter %s %s owner to claimhouse_loader', place.kind, place.name);
        end loop;
        -- Their views stay with the owner, whose rights they read with: some read other schemas too.
        grant select on all tables in schema landing, quality, star to claimhouse_loader;
    end if;

    if exists (select from pg_roles as r where r.rolname = 'claimhouse_deliverer') then
        execute format('grant connect, temporary on database %I to claimhouse_deliverer', current_database());
        grant usage on schema public, delivery, landing, published, security to claimhouse_deliverer;
        grant select
        on
            public.schema_version, landing.batch, landing.batch_order,
            security.client, security.login, security.entitlement, security.data_as_of, published.edition
        to claimhouse_deliverer;
        grant select (login, kind, valid_from, valid_to) on security.entitlement_history to claimhouse_deliverer;
        grant select (report, changed_at) on published.report to claimhouse_deliverer;
        grant select (report, audience, source_system, kept_from) on published.basis to claimhouse_deliverer;
        grant select, insert, update, delete on all tables in schema delivery to claimhouse_deliverer;
        grant usage on all sequences in schema delivery to claimhouse_deliverer;
        -- The ledger: entered, never changed.
        revoke update, delete
        on delivery.disclosure, delivery.extract_patient, delivery.answer
        from claimhouse_deliverer;
    end if;
end
$$;
