-- The outcomes of one scan. $1 a JSON list of them.
insert into quality.check_result (
    scan_id, source_system, feed, batch_id, table_name, check_name, definition, outcome, severity,
    measured_value, failing_rows
)
select
    r.scan_id,
    r.source_system,
    r.feed,
    r.batch_id,
    r.table_name,
    r.check_name,
    r.definition,
    r.outcome,
    r.severity,
    r.measured_value,
    r.failing_rows
from
    jsonb_to_recordset($1::jsonb)
        as r (
            scan_id uuid,
            source_system text,
            feed text,
            batch_id bigint,
            table_name text,
            check_name text,
            definition text,
            outcome text,
            severity text,
            measured_value numeric,
            failing_rows bigint
        )
returning check_name, check_result_id;
