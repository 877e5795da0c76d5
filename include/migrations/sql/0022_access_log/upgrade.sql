-- Who was shown which record, or downloaded which file, when. The roles of the pages add to it and can neither read nor
-- change it (schema/page_roles.sql).
create table quality.access_log (
    access_id bigint generated always as identity primary key,
    accessed_at timestamptz not null default clock_timestamp(),
    person text not null,
    what text not null,
    source_system text not null,
    file_id bigint references landing.file,
    batch_id bigint references landing.batch,
    row_number bigint,
    reason text
);
create index access_log_batch on quality.access_log (batch_id, row_number);
create index access_log_person on quality.access_log (person, accessed_at);
comment on table quality.access_log is
'Who was shown which record, or downloaded which file, when. Holds no value of a row';
comment on column quality.access_log.person is 'The name of the login in Airflow';
comment on column quality.access_log.what is
'What was shown: original, processed or rejected of a file that was downloaded, else what the page calls it';
comment on column quality.access_log.file_id is 'The file, where all of it was downloaded';
comment on column quality.access_log.batch_id is 'The batch of the rows';
comment on column quality.access_log.row_number is
'The row; null where all rows of the batch, or of the file, were shown';
comment on column quality.access_log.reason is 'Why, where the page asks for it';

-- The list of files is sorted by when they landed; a file's batches, and the files nobody recognizes, are looked up.
create index file_landed on landing.file (landed_at, file_id);
create index batch_file on landing.batch (file_id);
create index issue_of_file on quality.issue (issue_id) where batch_id is null and status = 'open';
