-- The quarantined rows of batches as they came, with the reasons.
with reasoned as (
    select
        i.batch_id,
        i.row_number,
        string_agg(i.message, ' | ' order by i.severity, i.issue_id) as reasons,
        bool_or(i.status = 'open' and i.severity = 'error') as is_open
    from quality.issue as i
    where i.batch_id in ({{ batch_ids | join(", ") }}) and i.row_number is not null
    group by i.batch_id, i.row_number
)

select
    q.row_number,
    q.sheet_name,
    q.raw_row,
    r.reasons,
    r.is_open
from quality.quarantine as q
left join reasoned as r on q.batch_id = r.batch_id and q.row_number = r.row_number
where q.batch_id in ({{ batch_ids | join(", ") }})
order by q.batch_id, q.row_number;
