-- The live views of readers, and what decided who was reading. The next publication creates the views anew.
do $$
declare
    place record;
begin
    for place in
        select c.relname
        from pg_class as c
        where c.relnamespace = 'reporting'::regnamespace and c.relkind = 'v'
    loop
        -- a view of another one is gone with it
        execute format('drop view if exists reporting.%I cascade', place.relname);
    end loop;
    for place in
        select
            p.polname,
            p.polrelid::regclass as name
        from pg_policy as p
        inner join pg_class as c on p.polrelid = c.oid
        inner join pg_namespace as n on c.relnamespace = n.oid
        where n.nspname in ('star', 'counts') or n.nspname like 'source\_%'
    loop
        execute format('drop policy %I on %s', place.polname, place.name);
    end loop;
    for place in
        select c.oid::regclass as name
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        where c.relrowsecurity and (n.nspname in ('star', 'counts') or n.nspname like 'source\_%')
    loop
        execute format('alter table %s disable row level security', place.name);
    end loop;
    for place in
        select
            n.nspname,
            r.rolname
        from pg_namespace as n
        cross join pg_roles as r
        where
            (n.nspname in ('star', 'counts', 'reference', 'security', 'metrics') or n.nspname like 'source\_%')
            and r.rolname in ('reporting_owner', 'identified_owner', 'raw_owner', 'metrics_owner')
    loop
        execute format('revoke all on all tables in schema %I from %I', place.nspname, place.rolname);
        execute format('revoke all on schema %I from %I', place.nspname, place.rolname);
    end loop;
end
$$;
drop view
security.reader_provider, security.reader_payer, security.reader_procedure, security.hidden_procedure,
security.hidden_encounter, security.reader_entitlement, security.reader_report, security.reader,
security.readable_batch;

-- What readers read. Only publication writes it, and no reader reaches it but through the views of its reports.
create schema published;
comment on schema published is 'What readers read: a table for each report, with a partition for each audience';

create table published.audience (
    audience integer primary key,
    rule text not null unique
);
comment on table published.audience is
'Who may see the same rows. The number is random, because the bounds of partitions are no secret';
comment on column published.audience.rule is
'Privacy level, client where rows differ between clients, and entitlements';

create table published.edition (
    audience integer not null,
    source_system text not null,
    edition integer not null,
    as_of timestamptz,
    published_at timestamptz,
    primary key (audience, source_system)
) partition by list (audience);
comment on table published.edition is
'Grain: an audience and a source system: the edition that its readers see, and how fresh the data in it are';

create table published.edition_log (
    audience integer not null,
    source_system text not null,
    edition integer not null,
    as_of timestamptz,
    published_at timestamptz not null,
    primary key (audience, source_system, edition)
);
comment on table published.edition_log is 'Every edition there was';

create table published.report (
    report text primary key,
    definition text,
    changed_at timestamptz
);
comment on table published.report is 'The reports that have a table, and what their rows follow from besides the star';

create table published.view (
    report text primary key,
    definition text not null
);
comment on table published.view is 'What the view of each report was created from';

alter table security.login add column audience integer;
comment on column security.login.audience is 'Whose rows the login sees';

-- Labelled immutable, so that the planner computes them, and plans the partitions of the audience alone. Their value
-- changes in a session when it is bound, which discards plans, and when a trusted session takes another role, which
-- must not have prepared anything.
create function security.bound_audience() returns integer
language plpgsql immutable parallel restricted security definer
set search_path = pg_catalog, pg_temp
set debug_print_parse = off
set debug_print_rewritten = off
set debug_print_plan = off
as $$
begin
    return (select l.audience from security.login as l where l.login = security.bound_login());
end
$$;
comment on function security.bound_audience is 'Whose rows the session sees';

create function security.bound_specialty() returns text
language plpgsql immutable parallel restricted security definer
set search_path = pg_catalog, pg_temp
set debug_print_parse = off
set debug_print_rewritten = off
set debug_print_plan = off
as $$
begin
    return (select l.specialty from security.login as l where l.login = security.bound_login());
end
$$;
comment on function security.bound_specialty is 'The specialty of the person for whom the session reads';

grant usage on schema published to reporting_owner;
grant select on published.edition to reporting_owner;
grant usage on schema star, security to identified_owner;
grant select on all tables in schema star to identified_owner;
grant select on security.data_as_of, security.tableau_entitlement to identified_owner;

comment on schema reporting is 'Reports: the views that readers read, over what was published';
comment on table security.entitlement is
'Grain: a login, a source system and one value that opens rows of it';

-- A publication is whole: what it shows of each source is in published.edition.
drop table delivery.published;
alter table delivery.extract add column editions jsonb not null default '{}';
comment on column delivery.extract.editions is 'The editions that the file was written from, by source system';
alter table delivery.disclosure add column editions jsonb not null default '{}';
comment on column delivery.disclosure.editions is 'The editions that were disclosed, by source system';
