-- sqlfluff:templater:jinja:context:corrected_row:batch4_row2
-- The rows of a batch that are quarantined, and whether a correction stands for each: what a reviewer decided stays.
create temp table tried_row on commit drop as
with correction as (
    select
        substring(f.file_name from 'batch[0-9]+_row[0-9]+') as corrected_row,
        b.batch_id
    from landing.batch as b
    inner join landing.file as f on b.file_id = f.file_id
    where
        b.is_correction
        and b.source_system = '{{ source }}'
        and b.feed = '{{ feed }}'
        and b.state <> 'rejected'
    union all
    -- one that waits
    select
        substring(a.path from '(batch[0-9]+_row[0-9]+)_[0-9a-f]+[.]csv$') as corrected_row,
        null as batch_id
    from quality.review_act as a
    where
        a.source_system = '{{ source }}'
        and a.kind = 'correct'
        and a.undone_at is null
        and not exists (
            select from landing.sighting as s
            where s.path = a.path and s.file_id is not null
        )
)

select
    q.row_number,
    exists(
        select from correction as c
        where
            c.corrected_row = coalesce(
                nullif('{{ corrected_row }}', ''), format('batch%s_row%s', q.batch_id, q.row_number)
            )
            -- of several corrections of one row, the last
            and (c.batch_id > q.batch_id or c.batch_id is null)
    ) as is_corrected
from quality.quarantine as q
where q.batch_id = {{ batch_id }};
