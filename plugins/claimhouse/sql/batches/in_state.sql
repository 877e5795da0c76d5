-- The batches in one state, in the order of their files. $1 source system, $2 state.
select batch_id
from landing.batch_order
where source_system = $1 and state = $2
order by newness;
