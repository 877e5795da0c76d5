-- Give the roles of the pages what a page takes (docs/security.md): the viewer reads, the reviewer also writes what a
-- person decides.
do $$
declare
    place record;
begin
    if not exists (select from pg_roles as r where r.rolname = 'claimhouse_viewer') then
        return;
    end if;
    grant usage on schema public, delivery, landing, quality, reference to claimhouse_viewer, claimhouse_reviewer;
    grant select on public.schema_version to claimhouse_viewer, claimhouse_reviewer;
    grant select on all tables in schema landing, quality, reference to claimhouse_viewer, claimhouse_reviewer;
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
    for place in
        select n.oid::regnamespace as name
        from pg_namespace as n
        where n.nspname like 'source\_%'
    loop
        execute format('grant usage on schema %s to claimhouse_viewer, claimhouse_reviewer', place.name);
        execute format('grant select on all tables in schema %s to claimhouse_viewer, claimhouse_reviewer', place.name);
    end loop;
end
$$;
