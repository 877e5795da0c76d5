-- A correction closes the issues of the row that it stands for, and those of earlier corrections of it: in a feed of
-- transactions another good row of the record does not make up for a row that is missing. $1 batch.
with correction as (
    select
        b.batch_id,
        b.source_system,
        b.feed,
        b.rows_accepted,
        substring(f.file_name from 'batch[0-9]+_row[0-9]+') as corrected_row
    from landing.batch as b
    inner join landing.file as f on b.file_id = f.file_id
    where b.is_correction
),

accepted as (
    select c.* from correction as c
    where c.batch_id = $1 and c.rows_accepted > 0
),

-- a correction that was itself quarantined
earlier as (
    select c.batch_id
    from correction as c
    inner join accepted as a
        on c.source_system = a.source_system and c.feed = a.feed and c.corrected_row = a.corrected_row
    where c.batch_id <> a.batch_id
)

update quality.issue as i
set
    status = 'corrected',
    closed_at = now(),
    closed_by = 'batch ' || a.batch_id,
    closed_by_batch_id = a.batch_id
from accepted as a
where
    i.source_system = a.source_system
    and i.feed = a.feed
    and i.status = 'open'
    and i.row_number is not null
    and (
        format('batch%s_row%s', i.batch_id, i.row_number) = a.corrected_row
        or i.batch_id in (select e.batch_id from earlier as e)
    );
