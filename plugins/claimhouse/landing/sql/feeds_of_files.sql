-- The feeds that each file of a source has landed for. $1 source system.
select distinct
    file_name,
    size_bytes,
    feed
from landing.file
where source_system = $1;
