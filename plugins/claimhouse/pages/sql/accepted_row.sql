-- An accepted row. $1 batch, $2 row number.
select
    t.batch_id,
    t.row_number,
    to_jsonb(t) - 'batch_id' - 'row_number' as fields
from {{ schema }}.{{ feed }} as t
where t.batch_id = $1 and t.row_number = $2;
