create schema quality;
comment on schema quality is 'What was wrong: issues, quarantined rows, outcomes of checks. Holds PHI';

create table quality.issue (
    issue_id bigint generated always as identity primary key,
    batch_id bigint references landing.batch,
    source_system text not null,
    feed text,
    file_name text,
    row_number bigint,
    record_key text,
    column_name text,
    rule text not null,
    severity text not null check (severity in ('error', 'warning')),
    status text not null default 'open' check (
        status in ('open', 'resolved', 'waived', 'corrected')
    ),
    raw_value text,
    message text not null,
    created_at timestamptz not null default now(),
    closed_at timestamptz,
    closed_by text,
    closed_by_batch_id bigint references landing.batch,
    reason text
);
create index issue_batch on quality.issue (batch_id);
create index issue_open on quality.issue (source_system, feed, record_key)
where status = 'open';
comment on table quality.issue is 'One row for each failing field, row, file or check, from open to closed';
comment on column quality.issue.row_number is 'The line of the file on which the row begins; the header is line 1';
comment on column quality.issue.message is 'A sentence for a person; never holds a value of the file';

create table quality.quarantine (
    batch_id bigint not null references landing.batch,
    source_system text not null,
    feed text not null,
    row_number bigint not null,
    record_key text,
    raw_row text not null,
    quarantined_at timestamptz not null default now(),
    primary key (batch_id, row_number)
);
comment on table quality.quarantine is 'Rows not let in, as they came';

create table quality.check_result (
    check_result_id bigint generated always as identity primary key,
    scan_id uuid not null,
    source_system text not null,
    feed text,
    batch_id bigint references landing.batch,
    table_name text not null,
    check_name text not null,
    definition text not null,
    outcome text not null check (outcome in ('pass', 'warn', 'fail', 'error')),
    severity text not null check (severity in ('error', 'warning')),
    measured_value numeric,
    failing_rows bigint,
    checked_at timestamptz not null default now()
);
create index check_result_batch on quality.check_result (batch_id);
comment on table quality.check_result is 'The outcome of every Soda check of every scan';

create table quality.failing_row (
    check_result_id bigint not null references quality.check_result on delete cascade,
    position integer not null,
    row_number bigint,
    record_key text,
    failing_row jsonb not null,
    primary key (check_result_id, position)
);
comment on table quality.failing_row is
'Examples of the rows that made a Soda check warn or fail: at most 100 for each, of its newest scan only';
