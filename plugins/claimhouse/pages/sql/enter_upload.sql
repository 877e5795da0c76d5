-- Enter a file that was uploaded. $1 login, $2 name, $3 size, $4 checksum, $5 place, $6 source system and $7 feed that
-- it fits best, or nulls, $8 how well in percent.
insert into landing.upload (
    uploaded_by, file_name, size_bytes, checksum, place, source_system, feed, fit_percent
)
values ($1, $2, $3, $4, $5, $6, $7, $8)
returning upload_id;
