-- Quarantine accepted rows as they were loaded, where the archived file can no longer be read. $1 batch, $2 the rows,
-- as JSON.
insert into quality.quarantine (batch_id, source_system, feed, row_number, record_key, raw_row)
select
    t.batch_id,
    '{{ source }}' as source_system,
    '{{ feed }}' as feed,
    t.row_number,
    r.record_key,
    (to_jsonb(t) - 'batch_id' - 'row_number')::text as raw_row
from {{ schema }}.{{ feed }} as t
inner join jsonb_to_recordset($2::jsonb) as r (row_number bigint, record_key text) on t.row_number = r.row_number
where t.batch_id = $1;
