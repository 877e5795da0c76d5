-- $1 source system. The batches of the load that was begun, in the order of their files.
select batch_id
from landing.batch
where source_system = $1 and state = 'checked' and loading_since is not null
order by batch_id;
