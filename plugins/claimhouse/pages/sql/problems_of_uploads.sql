-- What was wrong with files as a whole. $1 source system, $2 the files' places below its folder, $3 rejected batches.
select
    i.file_name,
    i.message
from quality.issue as i
where i.batch_id is null and i.source_system = $1 and i.file_name = any($2) and i.status = 'open'
union all
select
    i.file_name,
    i.message
from quality.issue as i
where i.batch_id = any($3) and i.severity = 'error';
