-- The issues of a batch by column and rule, with the first of each. $1 batch.
with counted as (
    select
        i.severity,
        i.rule,
        i.column_name,
        count(*) as issues,
        count(*) filter (where i.status = 'open') as open_issues,
        min(i.issue_id) as first_id
    from quality.issue as i
    where i.batch_id = $1
    group by i.severity, i.rule, i.column_name
)

select
    c.severity,
    c.rule,
    c.column_name,
    c.issues,
    c.open_issues,
    e.issue_id,
    e.row_number,
    e.sheet_name,
    e.message,
    e.raw_value
from counted as c
inner join quality.issue as e on c.first_id = e.issue_id
order by c.severity asc, c.issues desc, c.rule asc, c.column_name asc;
