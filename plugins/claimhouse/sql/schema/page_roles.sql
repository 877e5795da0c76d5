-- Give the roles of the pages what a page takes (docs/security.md): the viewer reads, the reviewer also writes what a
-- person decides.
do $$
declare
    place record;
    role text;
begin
    if not exists (select from pg_roles as r where r.rolname = 'claimhouse_viewer') then
        return;
    end if;
    grant usage on schema delivery, landing, quality to claimhouse_viewer, claimhouse_reviewer;
    grant select on all tables in schema landing, quality to claimhouse_viewer, claimhouse_reviewer;
    revoke select on quality.access_log from claimhouse_viewer, claimhouse_reviewer;
    grant insert (person, what, source_system, file_id, batch_id, row_number, reason)
    on quality.access_log to claimhouse_viewer, claimhouse_reviewer;
    -- What is decided about an issue and a held batch, on the pages.
    grant insert on quality.review_act, quality.acted_issue, quality.issue_count to claimhouse_reviewer;
    grant update (undone_at, undone_by, undone_reason) on quality.review_act to claimhouse_reviewer;
    grant update (status, closed_at, closed_by, reason) on quality.issue to claimhouse_reviewer;
    grant update (state, checked_at) on landing.batch to claimhouse_reviewer;
    grant select on delivery.needs_a_person to claimhouse_viewer, claimhouse_reviewer;
    grant select (client, report, format, state, disclosed_at) on delivery.ledger to claimhouse_viewer;
    grant insert (uploaded_by, file_name, size_bytes, checksum, place, source_system, feed, fit_percent)
    on landing.upload to claimhouse_reviewer;
    grant update (state, source_system, feed, landing_path, run_id, decided_by, decided_at)
    on landing.upload to claimhouse_reviewer;
    -- Who asks to be mailed a dashboard.
    grant usage on schema portal to claimhouse_viewer, claimhouse_reviewer;
    grant select on portal.mailing, portal.mailed to claimhouse_viewer, claimhouse_reviewer;
    grant update (decided_at, decided_by, is_approved, reason, ended_at, ended_by)
    on portal.mailing to claimhouse_reviewer;
    -- The rows of feeds; not the views that map them. Tables made later are given when they are made.
    for place in
        select
            c.oid::regclass as name,
            c.relnamespace::regnamespace as of_schema
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        where n.nspname like 'source\_%' and c.relkind in ('r', 'p')
    loop
        execute format('grant usage on schema %s to claimhouse_viewer, claimhouse_reviewer', place.of_schema);
        execute format('grant select on %s to claimhouse_viewer, claimhouse_reviewer', place.name);
    end loop;

    -- The login of the API server: by itself it sees which revision the warehouse has, and nothing else.
    if exists (select from pg_roles as r where r.rolname = 'claimhouse_pages') then
        execute format('grant connect on database %I to claimhouse_pages', current_database());
        grant usage on schema public to claimhouse_pages;
        grant select on public.schema_version to claimhouse_pages;
        foreach role in array array['claimhouse_viewer', 'claimhouse_reviewer']
        loop
            if not pg_has_role('claimhouse_pages', role, 'set') and pg_has_role(role, 'member with admin option') then
                execute format('grant %I to claimhouse_pages with inherit false, set true', role);
            end if;
        end loop;
    end if;
end
$$;
