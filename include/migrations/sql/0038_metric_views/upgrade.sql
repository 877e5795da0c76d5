alter table metrics.catalog add column view_digest text;
comment on column metrics.catalog.view_digest is
'What the views of the schema were made of, by its hash: where it is the same, a publication leaves them as they are';
