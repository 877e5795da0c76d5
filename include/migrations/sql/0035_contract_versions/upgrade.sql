create table landing.contract_version (
    contract_hash text primary key,
    source_system text not null,
    feed text not null,
    content text not null,
    first_used_at timestamptz not null default now()
);
comment on table landing.contract_version is 'Every version of a contract under which a file was read';
comment on column landing.contract_version.contract_hash is
'SHA-256 of the content of the contract, of the vocabulary and of the reference lists that it uses';
comment on column landing.contract_version.content is
'Their files, one after the other; comments and layout are those of the first use';

alter table landing.batch
add column contract_hash text references landing.contract_version,
add column retried_hash text references landing.contract_version,
add column is_to_be_reverified boolean not null default false,
add column has_lost_rows boolean not null default false;
comment on column landing.batch.contract_hash is
'The version of the contract under which the file was read as a whole; empty if an earlier release read it';
comment on column landing.batch.retried_hash is
'The version under which what was rejected or quarantined was read again; empty where it was not';
comment on column landing.batch.is_to_be_reverified is
'Whether somebody asked for its accepted rows to be read anew by the next run (claimhouse reverify)';
comment on column landing.batch.has_lost_rows is
'Whether rows left it that the star still has, until the next load of its source system';

create table landing.batch_reading (
    reading_id bigint generated always as identity primary key,
    batch_id bigint not null references landing.batch,
    contract_hash text references landing.contract_version,
    read_at timestamptz not null default now(),
    is_whole boolean not null,
    state text not null,
    rows_read bigint not null,
    rows_accepted bigint not null,
    rows_quarantined bigint not null,
    rows_dropped bigint not null
);
create index batch_reading_batch on landing.batch_reading (batch_id);
comment on table landing.batch_reading is
'Each time a batch was read from the archive, under which version of its contract, and what it held afterwards';
comment on column landing.batch_reading.is_whole is
'Whether all rows were read; otherwise those that were quarantined';
comment on column landing.batch_reading.state is 'The state of the batch afterwards';
