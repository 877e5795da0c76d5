-- Every file of a source that has landed. $1 source system.
select
    path,
    size_bytes,
    modified_at
from landing.sighting
where source_system = $1 and file_id is not null;
