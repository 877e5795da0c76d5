-- The quarantined row of an issue, as received, and its file. $1 issue.
select
    issue.source_system,
    issue.feed,
    issue.batch_id,
    issue.row_number,
    quarantine.sheet_name,
    quarantine.raw_row,
    file.archive_path,
    file.checksum,
    file.size_bytes,
    file.file_name,
    batch.is_correction
from quality.issue
inner join quality.quarantine using (batch_id, row_number)
inner join landing.batch using (batch_id)
inner join landing.file using (file_id)
where issue.issue_id = $1 and issue.status = 'open';
