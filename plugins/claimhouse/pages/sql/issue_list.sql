-- The issues $1, newest first, and whether a correction of their row waits for the next run.
select
    i.issue_id,
    i.source_system,
    i.feed,
    coalesce(i.file_name, f.file_name) as file_name,
    i.sheet_name,
    case when i.sheet_name is null then i.row_number else i.row_number % 10000000 end as row_number,
    i.column_name,
    i.rule,
    i.severity,
    i.status,
    i.raw_value,
    i.message,
    i.created_at,
    i.closed_by,
    i.status = 'open' and exists (
        select from quality.review_act as a
        where
            a.batch_id = i.batch_id
            and a.row_number = i.row_number
            and a.kind = 'correct'
            and a.undone_at is null
            and not exists (
                select from landing.sighting as s
                where s.path = a.path and s.file_id is not null
            )
    ) as is_waiting
from quality.issue as i
left join landing.batch as b on i.batch_id = b.batch_id
left join landing.file as f on b.file_id = f.file_id
where i.issue_id = any($1)
order by i.issue_id desc;
