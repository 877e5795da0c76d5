-- An act, locked until the transaction ends, and whether its correction has landed. $1 act.
select
    a.act_id,
    a.kind,
    a.source_system,
    a.path,
    a.content,
    a.undone_at,
    a.undone_by,
    exists(
        select from landing.sighting as s
        where s.path = a.path and s.file_id is not null
    ) as has_landed
from quality.review_act as a
where a.act_id = $1
for update of a;
