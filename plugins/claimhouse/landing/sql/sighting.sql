-- Whether exactly this file has landed. $1 path, $2 size, $3 modified at, $4 source system.
select 1
from landing.sighting
where
    path = $1
    and size_bytes = $2
    and modified_at = $3
    and source_system = $4
    and file_id is not null;
