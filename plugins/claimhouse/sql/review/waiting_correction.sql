-- A correction of a row that stands and has not landed. $1 source system, $2 the row, as the names of its corrections
-- begin.
select
    a.act_id,
    a.acted_by,
    a.acted_at
from quality.review_act as a
where
    a.source_system = $1
    and a.kind = 'correct'
    and a.undone_at is null
    and substring(a.path from '(batch[0-9]+_row[0-9]+)_[0-9a-f]+[.]csv$') = $2
    and not exists (
        select from landing.sighting as s
        where s.path = a.path and s.file_id is not null
    );
