-- The issues of a batch by rule and column. $1 batch.
select
    severity,
    rule,
    coalesce(column_name, '') as column_name,
    count(*) as issues,
    min(message) as message
from quality.issue
where batch_id = $1
group by severity, rule, column_name
order by severity asc, issues desc, rule asc, column_name asc;
