-- $1 source system, $2 state. In the order in which their files were landed.
select batch_id
from landing.batch
where source_system = $1 and state = $2
order by batch_id;
