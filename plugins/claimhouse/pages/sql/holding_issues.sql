-- The open issues of checks that hold batches. $1 batches, $2 severities that hold a batch.
select
    i.issue_id,
    i.batch_id,
    i.source_system,
    i.rule,
    i.message
from quality.issue as i
where
    i.batch_id = any($1)
    and i.status = 'open'
    and i.severity = any($2::text[])
    and i.rule like 'soda:%'
order by i.batch_id, i.rule;
