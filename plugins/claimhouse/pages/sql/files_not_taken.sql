-- One page of the open issues of files that have no batch: nobody recognizes them, or they cannot be read. $1 source
-- systems, $2 the issue beside the page or null, $3 how many.
select
    i.issue_id,
    i.source_system,
    i.file_name,
    i.rule,
    i.message,
    i.created_at
from quality.issue as i
where
    i.batch_id is null
    and i.status = 'open'
    and i.file_name is not null
    and i.source_system = any($1)
    and ($2::bigint is null or i.issue_id {{ ">" if upward else "<" }} $2)
order by i.issue_id {{ "asc" if upward else "desc" }}
limit $3;
