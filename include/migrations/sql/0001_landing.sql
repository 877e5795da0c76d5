create schema landing;
comment on schema landing is 'What arrived: every file once, every batch with its counts';

create table landing.file (
    file_id bigint generated always as identity primary key,
    checksum text not null,
    told_by_name text not null default '',
    size_bytes bigint not null,
    source_system text not null,
    feed text not null,
    file_name text not null,
    archive_path text not null,
    landed_at timestamptz not null default now(),
    unique (checksum, told_by_name)
);
comment on table landing.file is 'The manifest: one row for each distinct content ever landed, named by its SHA-256';
comment on column landing.file.told_by_name is
'What the contract reads from the file''s name: the same bytes of another day are another content';

create table landing.sighting (
    path text not null,
    size_bytes bigint not null,
    modified_at timestamptz not null,
    source_system text not null,
    file_id bigint references landing.file,
    seen_at timestamptz not null default now(),
    primary key (path, size_bytes, modified_at)
);
comment on table landing.sighting is
'Every path landed from, so that an unchanged file is not read again';

create table landing.batch (
    batch_id bigint generated always as identity primary key,
    file_id bigint not null references landing.file,
    source_system text not null,
    feed text not null,
    received_date date not null,
    state text not null default 'landed' check (
        state in ('landed', 'rejected', 'verified', 'checked', 'held', 'loaded')
    ),
    is_correction boolean not null default false,
    rows_read bigint,
    rows_accepted bigint,
    rows_quarantined bigint,
    rows_dropped bigint,
    amounts jsonb,
    timings jsonb not null default '{}',
    code_version text not null,
    created_at timestamptz not null default now(),
    verified_at timestamptz,
    checked_at timestamptz,
    loading_since timestamptz,
    loaded_at timestamptz,
    constraint batch_balances check (
        rows_read = rows_accepted + rows_quarantined + rows_dropped
    )
);
create index batch_state on landing.batch (source_system, state);
comment on table landing.batch is
'One taking in of one file: landed, verified (or rejected whole), checked (or held), loaded';
comment on column landing.batch.amounts is
'For each amount column: read, accepted, quarantined, dropped (sums) and unreadable (a count)';
