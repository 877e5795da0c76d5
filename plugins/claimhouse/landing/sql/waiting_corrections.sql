-- Corrections that stand and have not landed. $1 source system.
select
    a.act_id,
    b.feed,
    a.path,
    a.content
from quality.review_act as a
inner join landing.batch as b on a.batch_id = b.batch_id
where
    a.source_system = $1
    and a.kind = 'correct'
    and a.undone_at is null
    and not exists (
        select from landing.sighting as s
        where s.path = a.path and s.file_id is not null
    )
order by a.act_id;
