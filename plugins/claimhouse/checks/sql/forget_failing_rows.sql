-- Failing rows are kept of the newest scan only. $1 source system, $2 batch, null for the star. What publication
-- compared is no scan.
delete from quality.failing_row as f
using quality.check_result as r
where
    r.check_result_id = f.check_result_id
    and r.source_system = $1
    and r.batch_id is not distinct from $2::bigint
    and r.table_name <> 'published';
