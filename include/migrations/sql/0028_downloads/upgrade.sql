-- Which files of dashboards were made for whom. The portal's role adds to it and can neither read nor change it
-- (schema/portal_role.sql).
create table portal.download (
    download_id bigint generated always as identity primary key,
    made_at timestamptz not null default clock_timestamp(),
    login text not null,
    person text not null,
    dashboard text not null,
    tile text,
    report text,
    format text not null check (format in ('csv', 'zip', 'xlsx', 'pdf')),
    filters jsonb not null check (jsonb_typeof(filters) = 'object'),
    row_count bigint not null,
    as_of timestamptz,
    file_name text not null,
    checksum text not null,
    size_bytes bigint not null
);
comment on table portal.download is
'Grain: a file of a dashboard that was made for a person. Written before the file is sent; never changed';
comment on column portal.download.login is 'The login of security.login as which it was read';
comment on column portal.download.person is 'The name of who was signed in';
comment on column portal.download.tile is 'The tile; null where the file has all of the dashboard';
comment on column portal.download.report is
'The report whose rows the file has, where it has those behind a tile; else null';
comment on column portal.download.filters is
'The fields that were filtered by, each with its values; null in their place where one could be about one person';
comment on column portal.download.row_count is 'How many rows the file has, those of all tiles together';
comment on column portal.download.as_of is 'When the oldest of what it shows was published';
comment on column portal.download.checksum is 'SHA-256 of the file';
create index download_login on portal.download (login, made_at);

create trigger refuse_change before update or delete or truncate on portal.download
for each statement execute function delivery.refuse_change();
