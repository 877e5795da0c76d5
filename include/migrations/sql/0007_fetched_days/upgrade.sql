create table landing.fetched_day (
    source_system text not null,
    feed text not null,
    day date not null,
    asked_at timestamptz not null default now(),
    fetched_at timestamptz,
    row_count bigint,
    primary key (source_system, feed, day)
);
comment on table landing.fetched_day is
'The days that each feed from a database was asked for; every run asks for the open ones again';
comment on column landing.fetched_day.asked_at is 'When the day was asked for first';
comment on column landing.fetched_day.fetched_at is 'When its file was in the landing root; empty while the day is open';
comment on column landing.fetched_day.row_count is
'Rows of the day; empty where the file of a later day, or one from before days were remembered, stands for it';
