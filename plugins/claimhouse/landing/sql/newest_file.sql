-- The content of the newest file of a feed, or of those of one name. $1 source system, $2 feed, $3 name or null.
select
    checksum,
    told_by_name
from landing.file
where source_system = $1 and feed = $2 and ($3::text is null or file_name = $3)
order by file_order desc
limit 1;
