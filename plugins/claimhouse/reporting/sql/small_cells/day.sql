-- $1: a source system. The day of its last load.
select a.as_of::date as day
from security.data_as_of as a
where a.source_system = $1;
