-- $1: a source system. The batches whose accepted rows are others since the last edition: loaded, or withdrawn from.
-- An edition from before the first load has no as_of.
insert into publication_batches (batch_id)
select b.batch_id
from landing.batch as b
where
    b.source_system = $1
    and b.loaded_at > (
        select coalesce(min(coalesce(e.as_of, '-infinity')), '-infinity')
        from published.edition as e
        where e.source_system = $1
    )
union
select q.batch_id
from quality.quarantine as q
where
    q.source_system = $1
    and q.withdrawn_at > (
        select coalesce(min(coalesce(e.published_at, '-infinity')), '-infinity')
        from published.edition as e
        where e.source_system = $1
    );
