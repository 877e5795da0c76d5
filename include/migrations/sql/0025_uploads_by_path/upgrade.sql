-- The list of files says who uploaded each.
create index upload_landing on landing.upload (landing_path) where landing_path is not null;
