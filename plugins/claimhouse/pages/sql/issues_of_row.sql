-- The issues of a row. $1 batch, $2 row number.
select
    i.issue_id,
    i.column_name,
    i.rule,
    i.severity,
    i.status,
    i.message,
    i.closed_by
from quality.issue as i
where i.batch_id = $1 and i.row_number = $2
order by i.issue_id
limit 200;
