-- The batches that an earlier run left on their way to the star, or of which the star has rows that they have no more,
-- in the order of their files. $1 source system.
select placed.batch_id
from landing.batch_order as placed
inner join landing.batch on placed.batch_id = batch.batch_id
where
    placed.source_system = $1
    and (placed.state in ('verified', 'checked') or (placed.state = 'rejected' and batch.has_lost_rows))
order by placed.newness;
