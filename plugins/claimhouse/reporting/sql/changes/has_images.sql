-- $1: a source system.
select count(*) > 0 as has_images
from (
    select i.source_system
    from change.{{ table }} as i
    where i.source_system = $1
    fetch first row only
) as image;
