-- Those of the files $1 that have not landed.
select given.path
from unnest($1::text[]) as given (path)
where not exists (
    select from landing.sighting as s
    where s.path = given.path and s.file_id is not null
);
