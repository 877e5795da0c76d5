-- $1: a source system. A row where its changes are recorded, and all of them.
select s.source_system
from change.captured_source as s
where
    s.source_system = $1
    and not exists (
        select
        from change.rebuilt as r
        where r.source_system = $1
    );
