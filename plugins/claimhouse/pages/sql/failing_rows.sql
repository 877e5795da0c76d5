-- Examples of the rows that made a check fail. $1 outcome of the check.
select
    r.position,
    r.row_number,
    r.failing_row
from quality.failing_row as r
where r.check_result_id = $1
order by r.position
limit 100;
