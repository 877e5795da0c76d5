-- Other quarantined rows of a record, newest first. $1 source system, $2 feed, $3 record key, $4 batch and $5 row
-- number of the row itself.
select
    q.batch_id,
    q.row_number,
    q.sheet_name,
    q.raw_row,
    f.file_name,
    f.archive_path,
    f.checksum,
    f.size_bytes,
    b.received_date,
    (
        select max(i.issue_id) from quality.issue as i
        where i.batch_id = q.batch_id and i.row_number = q.row_number
    ) as issue_id
from quality.quarantine as q
inner join landing.batch as b on q.batch_id = b.batch_id
inner join landing.file as f on b.file_id = f.file_id
where
    q.source_system = $1
    and q.feed = $2
    and q.record_key = $3
    and (q.batch_id, q.row_number) is distinct from ($4::bigint, $5::bigint)
order by q.batch_id desc, q.row_number desc
limit 10;
