-- The issues of one record with its quarantined row. Filter by source_system, feed and record_key.
create or replace view quality.record_issues as
select
    i.source_system,
    i.feed,
    i.record_key,
    i.issue_id,
    i.status,
    i.severity,
    i.rule,
    i.column_name,
    i.raw_value,
    i.message,
    coalesce(i.file_name, f.file_name) as file_name,
    i.row_number,
    i.sheet_name,
    -- A workbook of several sheets counts 10,000,000 rows for each.
    case when i.sheet_name is null then i.row_number else i.row_number % 10000000 end as sheet_row,
    q.raw_row,
    i.batch_id,
    b.received_date,
    i.created_at,
    i.closed_at,
    i.closed_by,
    i.closed_by_batch_id,
    i.reason
from quality.issue as i
left join landing.batch as b on i.batch_id = b.batch_id
left join landing.file as f on b.file_id = f.file_id
left join quality.quarantine as q on i.batch_id = q.batch_id and i.row_number = q.row_number
where i.row_number is not null;

comment on view quality.record_issues is
'Every issue of a record, open or closed, with its quarantined row. Holds PHI';
comment on column quality.record_issues.record_key is 'The record''s key as in the file, parts joined by |';
comment on column quality.record_issues.status is
'open, resolved (by a good row), waived or corrected (by a reviewer)';
comment on column quality.record_issues.raw_value is 'The value as in the file';
comment on column quality.record_issues.row_number is
'The line of the file on which the row begins; the header is line 1';
comment on column quality.record_issues.sheet_name is
'The sheet of the row, in a workbook of several';
comment on column quality.record_issues.sheet_row is 'The row as the sheet counts it; without a sheet, row_number';
comment on column quality.record_issues.raw_row is 'The row as received; null where it was not quarantined';
comment on column quality.record_issues.closed_by_batch_id is 'The batch that brought a good row';
comment on column quality.record_issues.reason is 'Why the issue was waived or closed';
