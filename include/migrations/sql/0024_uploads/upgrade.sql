create table landing.upload (
    upload_id bigint generated always as identity primary key,
    uploaded_by text not null,
    uploaded_at timestamptz not null default now(),
    file_name text not null,
    size_bytes bigint not null,
    checksum text not null,
    place text not null unique,
    state text not null default 'waiting' check (state in ('waiting', 'taken_back', 'processing')),
    source_system text,
    feed text,
    fit_percent smallint,
    landing_path text,
    run_id text,
    decided_by text,
    decided_at timestamptz
);
comment on table landing.upload is
'The files that people uploaded on the pages: a file waits until somebody processes it or takes it back';
comment on column landing.upload.uploaded_by is 'The login of whoever uploaded it';
comment on column landing.upload.file_name is 'The name it came with, made safe';
comment on column landing.upload.checksum is 'SHA-256 of its content';
comment on column landing.upload.place is 'Where it waits, below the landing root';
comment on column landing.upload.state is
'waiting, taken_back (the file is removed), processing (it is in its source''s folder, for an ingest run)';
comment on column landing.upload.source_system is 'The source system it is processed as, or that it fits best';
comment on column landing.upload.feed is 'The feed it is processed as, or that it fits best; empty where it fits none';
comment on column landing.upload.fit_percent is 'How well its content fits the feed''s contract';
comment on column landing.upload.landing_path is 'Where it was moved, below the landing root';
comment on column landing.upload.run_id is 'The run of the ingest DAG that was triggered for it; empty before that';
comment on column landing.upload.decided_by is 'The login of whoever processed it or took it back';
comment on column landing.upload.decided_at is 'When that was';
create index upload_waiting on landing.upload (upload_id) where state = 'waiting' or run_id is null;
