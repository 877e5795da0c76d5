-- The rules a reviewer has waived for batch $2 of source $1: they are not raised again and hold nothing.
select i.rule
from quality.issue as i
where
    i.source_system = $1
    and i.batch_id is not distinct from $2::bigint
    and i.rule like 'soda:%'
    and i.status = 'waived';
