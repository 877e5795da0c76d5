-- The batches of which the star has rows that they have no more: rejected since, or in the load. $1 source system, $2
-- batches of the load.
select b.batch_id
from landing.batch as b
where b.source_system = $1 and b.has_lost_rows and (b.state = 'rejected' or b.batch_id = any($2::bigint[]));
