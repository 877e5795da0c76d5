-- A file that was written.
insert into delivery.extract (
    subscription_id, period, report, format, privacy_level, reason, file_name, checksum,
    size_bytes, row_count, column_names, as_of, entitlements, editions, parts, basis, since_extract_id
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::jsonb, $14::jsonb, $15, $16, $17)
returning extract_id;
