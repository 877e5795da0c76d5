-- The batches of the load in progress, in the order of their files. $1 source system.
select batch_id
from landing.batch
where source_system = $1 and state = 'checked' and loading_since is not null
order by batch_id;
