-- The newest outcome of a check. $1 source system, $2 batch, null for the star, $3 name of the check.
select
    r.check_result_id,
    r.definition,
    r.outcome,
    r.measured_value,
    r.failing_rows,
    r.checked_at,
    r.table_name
from quality.check_result as r
where r.source_system = $1 and r.batch_id is not distinct from $2 and r.check_name = $3
order by r.check_result_id desc
limit 1;
