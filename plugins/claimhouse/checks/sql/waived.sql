-- The rules that a reviewer waived for a batch: they raise no issue and do not hold it. $1 source
-- system, $2 batch, null for the star.
select i.rule
from quality.issue as i
where
    i.source_system = $1
    and i.batch_id is not distinct from $2::bigint
    and i.rule like 'soda:%'
    and i.status = 'waived';
