-- The batches in one state, in the order in which their files landed. $1 source system, $2 state.
select batch_id
from landing.batch
where source_system = $1 and state = $2
order by batch_id;
