-- Keep that a file was made for a person. $1 login, $2 person, $3 dashboard, $4 tile, $5 report, $6 format, $7 filters
-- as JSON, $8 rows, $9 as of, $10 file name, $11 checksum, $12 size.
insert into portal.download (
    login, person, dashboard, tile, report, format, filters, row_count, as_of, file_name, checksum, size_bytes
)
values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11, $12);
