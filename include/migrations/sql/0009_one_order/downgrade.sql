alter table quality.issue drop column record_version;

-- With the views of the newest rows and of the mappings: the next run of each source system makes them again.
drop view landing.batch_order cascade;

drop index landing.file_of_feed;
drop index landing.file_checksum;
alter table landing.file drop column same_as_file_id;
alter table landing.file drop column ordered_by;
alter table landing.file drop column file_order;
alter table landing.file drop column arrived_at;
alter table landing.file add unique (checksum, told_by_name);
comment on table landing.file is 'The manifest: one row for each distinct content ever landed, named by its SHA-256';
comment on column landing.file.told_by_name is
'What the contract reads from the file''s name: the same bytes of another day are another content';
comment on column landing.batch.received_date is null;
