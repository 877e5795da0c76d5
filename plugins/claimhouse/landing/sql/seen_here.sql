-- A row where this content was delivered at this path before. $1 path, $2 checksum.
select 1
where exists (
    select from landing.sighting
    inner join landing.file using (file_id)
    where sighting.path = $1 and file.checksum = $2
);
