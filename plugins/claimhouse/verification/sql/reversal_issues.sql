-- The issues of rows that were withdrawn as reversals. $1 batch, $2 the rows, as JSON.
insert into quality.issue (
    batch_id, source_system, feed, file_name, sheet_name, row_number, record_key, record_version, column_name, rule,
    severity, raw_value, message
)
select
    b.batch_id,
    b.source_system,
    b.feed,
    f.file_name,
    q.sheet_name,
    r.row_number,
    r.record_key,
    r.record_version,
    r.reversed_columns as column_name,
    'undeclared_reversal' as rule,
    'error' as severity,
    r.raw_value,
    {% include "verification/sql/reversal_message.jinja" %} as message
from
    jsonb_to_recordset($2::jsonb)
        as r (row_number bigint, record_key text, record_version text, reversed_columns text, raw_value text)
inner join landing.batch as b on b.batch_id = $1
inner join landing.file as f on b.file_id = f.file_id
inner join quality.quarantine as q on b.batch_id = q.batch_id and r.row_number = q.row_number
order by r.row_number;
