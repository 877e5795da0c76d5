-- The newest batches of files with a part of their name. $1 source systems, $2 the part, in lower case, $3 how many.
select b.batch_id
from landing.batch as b
inner join landing.file as f on b.file_id = f.file_id
where b.source_system = any($1) and strpos(lower(f.file_name), $2) > 0
order by b.batch_id desc
limit $3;
