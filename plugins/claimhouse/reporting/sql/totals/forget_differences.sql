-- $1: a source system; $2: the check. Differences are kept of its newest outcome only.
delete from quality.failing_row as f
using quality.check_result as r
where f.check_result_id = r.check_result_id and r.source_system = $1 and r.check_name = $2;
