-- Note a file seen in the landing root. $1 path, $2 size, $3 modified at, $4 source system, $5 landed file
-- or null.
insert into landing.sighting (path, size_bytes, modified_at, source_system, file_id)
values ($1, $2, $3, $4, $5)
on conflict (path, size_bytes, modified_at)
do update set file_id = excluded.file_id, seen_at = now();
