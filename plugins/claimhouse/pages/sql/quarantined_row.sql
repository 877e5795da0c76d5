-- A quarantined row as received, and its file. $1 batch, $2 row number.
select
    q.batch_id,
    q.row_number,
    q.sheet_name,
    q.raw_row,
    f.archive_path,
    f.checksum,
    f.size_bytes,
    f.file_name
from quality.quarantine as q
inner join landing.batch as b on q.batch_id = b.batch_id
inner join landing.file as f on b.file_id = f.file_id
where q.batch_id = $1 and q.row_number = $2;
