-- The batches of the load in progress, in the order of their files. $1 source system.
select placed.batch_id
from landing.batch_order as placed
inner join landing.batch on placed.batch_id = batch.batch_id
where placed.source_system = $1 and placed.state = 'checked' and batch.loading_since is not null
order by placed.newness;
