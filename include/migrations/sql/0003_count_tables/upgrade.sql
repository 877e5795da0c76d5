-- Count tables: the schema summary becomes counts, and summary.<name>_counted becomes
-- counts.<name>_unsuppressed. Rows, policies, grants and the views that read the tables stay.
alter schema summary rename to counts;

do $$
declare
    name text;
begin
    for name in
        select c.relname
        from pg_class as c
        where c.relnamespace = 'counts'::regnamespace and c.relkind = 'r' and c.relname like '%\_counted'
    loop
        execute format('alter table counts.%I rename to %I', name, regexp_replace(name, '_counted$', '_unsuppressed'));
    end loop;
    for name in
        select c.relname
        from pg_class as c
        where c.relnamespace = 'counts'::regnamespace and c.relkind = 'r' and c.relname not like '%\_unsuppressed'
    loop
        execute format(
            'comment on table counts.%I is '
            '''The cells as published: NULL where suppressed. as_of is when the data behind a cell were loaded''', name
        );
        execute format(
            'comment on table counts.%I is %L',
            name || '_unsuppressed', format('All cells as counted. Readers see counts.%s', name)
        );
    end loop;
end
$$;

comment on schema counts is 'Counts about people who are not the reader''s own, small cells suppressed';

-- Words: a secured view is a report.
comment on schema reporting is 'Reports: the views that readers read';
comment on column security.client.schemas is
'For a role inside the house: what it may read besides its reports: source, star, metrics';
comment on column security.login.specialty is 'The specialty of a person: what the reports show by default';
comment on column security.login.tableau_user is
'The person''s user name in Tableau, in lower case: a Tableau session of this user reads as this login';
comment on column security.entitlement.kind is
'provider_specialty, payer, procedure_specialty: opens rows with this value. every_row: opens all rows of the source.
feed: opens the raw rows of a feed. restricted_specialty: opens nothing, but its rows are no longer hidden';
comment on table security.entitlement_history is
'Who could see what and when: [valid_from, valid_to), with the year 9999 while it is in force.
Reports and schemas are entries too, with the kinds report and schema';
comment on view security.reader_report is
'The reports that the reader''s file lists. Every report joins this view: a grant alone opens nothing';
comment on policy reporting on star.dim_provider is
'Providers of the caller''s specialties; all providers of a source whose rows another kind of entitlement opens';
comment on policy reporting on star.dim_patient is
'By source only: a view must reach its patients through the facts, see docs/decisions/0003';
comment on policy reporting on star.fact_claim_change is 'As on fact_claim, whose earlier versions these are';
comment on policy reporting on star.fact_procedure is
'Nothing of an encounter in which something was done that the caller may not see';
