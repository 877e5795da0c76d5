-- The names of a feed's landed files, and when each landed. $1 source system, $2 feed.
select
    file_name,
    (landed_at at time zone 'UTC')::date as landed_on
from landing.file
where source_system = $1 and feed = $2;
