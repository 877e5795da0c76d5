-- The landed file of the same content, and whether it was seen at this path before. $1 checksum,
-- $2 path, $3 values from its name.
select
    file.file_id,
    file.archive_path,
    exists(
        select from landing.sighting
        where sighting.file_id = file.file_id and sighting.path = $2
    ) as is_known_here
from landing.file
where file.checksum = $1 and file.told_by_name = $3;
