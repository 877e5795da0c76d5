-- The held batches of which a check could not be run when they were checked last. $1 source system.
select b.batch_id
from landing.batch as b
where
    b.source_system = $1
    and b.state = 'held'
    and exists (
        select from quality.check_result as r
        where
            r.batch_id = b.batch_id
            and r.outcome = 'error'
            and r.scan_id = (
                select l.scan_id from quality.check_result as l
                where l.batch_id = b.batch_id
                order by l.check_result_id desc
                limit 1
            )
    )
order by b.batch_id;
