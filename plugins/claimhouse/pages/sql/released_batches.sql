-- Batches that a person released, newest first. $1 source systems.
select
    a.act_id,
    a.kind,
    a.selection,
    null::bigint as file_id,
    a.source_system,
    a.batch_id,
    b.feed,
    f.file_name,
    b.state,
    a.acted_by,
    a.acted_at,
    a.reason,
    a.undone_at,
    a.undone_by,
    a.undone_reason,
    greatest(b.loaded_at, b.loading_since) > a.acted_at as is_loaded
from quality.review_act as a
inner join landing.batch as b on a.batch_id = b.batch_id
inner join landing.file as f on b.file_id = f.file_id
where a.kind = 'release' and a.source_system = any($1)
order by a.act_id desc
limit 20;
