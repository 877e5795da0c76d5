-- Put those rows back into quarantine that the reading did not find, as they were; rows that are quarantined still keep
-- their day.
insert into quality.quarantine
select b.* from quarantine_before as b
where b.row_number not in (select s.row_number from seen_row as s);

update quality.quarantine as q
set quarantined_at = b.quarantined_at
from quarantine_before as b
where q.batch_id = {{ batch_id }} and q.row_number = b.row_number;
