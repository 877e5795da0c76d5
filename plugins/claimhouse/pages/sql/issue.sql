-- An issue with its file and its quarantined row. $1 issue.
select
    i.issue_id,
    i.source_system,
    i.feed,
    i.batch_id,
    i.row_number as file_row,
    coalesce(i.file_name, f.file_name) as file_name,
    i.sheet_name,
    case when i.sheet_name is null then i.row_number else i.row_number % 10000000 end as row_number,
    i.record_key,
    i.column_name,
    i.rule,
    i.severity,
    i.status,
    i.raw_value,
    i.message,
    i.created_at,
    i.closed_at,
    i.closed_by,
    i.reason,
    b.state as batch_state,
    b.received_date,
    f.file_id,
    q.raw_row,
    q.withdrawn_at
from quality.issue as i
left join landing.batch as b on i.batch_id = b.batch_id
left join landing.file as f on b.file_id = f.file_id
left join quality.quarantine as q on i.batch_id = q.batch_id and i.row_number = q.row_number
where i.issue_id = $1;
