-- Mark the batches of a load; one released while the load runs waits for the next. $1 source system.
update landing.batch
set loading_since = now()
where source_system = $1 and state = 'checked';
