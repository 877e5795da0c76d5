-- Examples of rows that made a check warn or fail. $1 a JSON list of them.
insert into quality.failing_row (check_result_id, position, row_number, record_key, failing_row)
select
    r.check_result_id,
    r.position,
    r.row_number,
    r.record_key,
    r.failing_row
from jsonb_to_recordset($1::jsonb) as r (
    check_result_id bigint,
    position integer,
    row_number bigint,
    record_key text,
    failing_row jsonb
);
