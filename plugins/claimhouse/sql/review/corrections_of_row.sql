-- Corrections of one row that may count: not verified yet, or accepted. $1 source system, $2 feed, $3 the row, as the
-- names of its corrections begin.
select b.batch_id
from landing.batch as b
inner join landing.file as f on b.file_id = f.file_id
where
    b.source_system = $1
    and b.feed = $2
    and b.is_correction
    and substring(f.file_name from 'batch[0-9]+_row[0-9]+') = $3
    and (b.state = 'landed' or b.rows_accepted > 0);
