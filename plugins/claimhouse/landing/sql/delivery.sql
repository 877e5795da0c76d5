-- Enter a delivery. $1 number, $2 checksum, $3 values from its name, $4 size, $5 source system, $6 feed,
-- $7 file name, $8 archive path, $9 arrived at, $10 place in the order, $11 what that was made from,
-- $12 the delivery whose content it repeats, or null.
insert into landing.file (
    file_id, checksum, told_by_name, size_bytes, source_system, feed, file_name, archive_path, arrived_at,
    file_order, ordered_by, same_as_file_id
) overriding system value
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);
