-- What people decide about issues and held batches: kept with who, when and why, and what became of it.
create table quality.review_act (
    act_id bigint generated always as identity primary key,
    kind text not null check (kind in ('waive', 'correct', 'release')),
    source_system text not null,
    acted_by text not null,
    acted_at timestamptz not null default now(),
    reason text not null,
    selection text,
    batch_id bigint references landing.batch,
    row_number bigint,
    path text unique,
    content text,
    undone_at timestamptz,
    undone_by text,
    undone_reason text,
    check (kind <> 'correct' or (batch_id, row_number, path, content) is not null)
);
create index review_act_row on quality.review_act (batch_id, row_number);
comment on table quality.review_act is
'What people decided about issues and held batches. An act that is undone stays, with who undid it';
comment on column quality.review_act.kind is
'waive (close issues without a change), correct (a row goes through verification again), release (a held batch)';
comment on column quality.review_act.acted_by is 'The login in Airflow, or the account of the command line';
comment on column quality.review_act.selection is 'The filters, where all issues that match them were waived';
comment on column quality.review_act.batch_id is 'The batch that was released, or that has the row';
comment on column quality.review_act.path is 'The file of the correction, which the next run of the source lands';
comment on column quality.review_act.content is 'The content of that file. Holds PHI';
comment on column quality.review_act.undone_at is 'When it was undone; null where it stands';

create table quality.acted_issue (
    issue_id bigint not null references quality.issue on delete cascade,
    act_id bigint not null references quality.review_act on delete cascade,
    primary key (issue_id, act_id)
);
create index acted_issue_act on quality.acted_issue (act_id);
comment on table quality.acted_issue is 'The issues of each act';

-- How many issues there are of each kind, as changes to be added up: an update of one row would make all that verify
-- wait for each other.
create table quality.issue_count (
    issue_count_id bigint generated always as identity primary key,
    source_system text not null,
    feed text,
    rule text not null,
    severity text not null,
    status text not null,
    issues bigint not null
);
comment on table quality.issue_count is
'How many issues there are by source, feed, rule, severity and status: the sum over its rows';
comment on column quality.issue_count.issues is 'By how many a statement changed the number';

create function quality.count_issues() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'TRUNCATE' then
        delete from quality.issue_count;
        return null;
    elsif tg_op = 'INSERT' then
        insert into quality.issue_count (source_system, feed, rule, severity, status, issues)
        select n.source_system, n.feed, n.rule, n.severity, n.status, count(*)
        from new_rows as n
        group by n.source_system, n.feed, n.rule, n.severity, n.status;
    elsif tg_op = 'DELETE' then
        insert into quality.issue_count (source_system, feed, rule, severity, status, issues)
        select o.source_system, o.feed, o.rule, o.severity, o.status, -count(*)
        from old_rows as o
        group by o.source_system, o.feed, o.rule, o.severity, o.status;
    else
        insert into quality.issue_count (source_system, feed, rule, severity, status, issues)
        select c.source_system, c.feed, c.rule, c.severity, c.status, sum(c.issues)
        from (
            select n.source_system, n.feed, n.rule, n.severity, n.status, 1 as issues
            from new_rows as n
            union all
            select o.source_system, o.feed, o.rule, o.severity, o.status, -1
            from old_rows as o
        ) as c
        group by c.source_system, c.feed, c.rule, c.severity, c.status
        having sum(c.issues) <> 0;
    end if;
    -- Added up now and then, by one transaction at a time, and by one that may delete.
    if
        (select count(*) from quality.issue_count) > 5000
        and has_table_privilege('quality.issue_count', 'delete')
        and pg_try_advisory_xact_lock(hashtextextended('claimhouse.issue_count', 0))
    then
        with gone as (
            delete from quality.issue_count returning source_system, feed, rule, severity, status, issues
        )
        insert into quality.issue_count (source_system, feed, rule, severity, status, issues)
        select g.source_system, g.feed, g.rule, g.severity, g.status, sum(g.issues)
        from gone as g
        group by g.source_system, g.feed, g.rule, g.severity, g.status
        having sum(g.issues) <> 0;
    end if;
    return null;
end
$$;
comment on function quality.count_issues() is 'Keeps quality.issue_count';

create trigger count_inserted after insert on quality.issue
referencing new table as new_rows
for each statement execute function quality.count_issues();
create trigger count_updated after update on quality.issue
referencing old table as old_rows new table as new_rows
for each statement execute function quality.count_issues();
create trigger count_deleted after delete on quality.issue
referencing old table as old_rows
for each statement execute function quality.count_issues();
create trigger count_truncated after truncate on quality.issue
for each statement execute function quality.count_issues();

insert into quality.issue_count (source_system, feed, rule, severity, status, issues)
select
    i.source_system,
    i.feed,
    i.rule,
    i.severity,
    i.status,
    count(*) as issues
from quality.issue as i
group by i.source_system, i.feed, i.rule, i.severity, i.status;

-- Lists go by key through each combination of what is counted, through a batch, or from a day on.
create index issue_kind on quality.issue (source_system, coalesce(feed, ''), rule, status, issue_id);
drop index quality.issue_batch;
create index issue_batch on quality.issue (batch_id, issue_id);
create index issue_created on quality.issue (created_at, issue_id);
create index quarantine_record on quality.quarantine (source_system, feed, record_key);
