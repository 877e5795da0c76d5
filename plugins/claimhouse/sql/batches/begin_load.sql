-- $1 source system. Names the batches of a load: one released while the load runs waits for the next.
update landing.batch
set loading_since = now()
where source_system = $1 and state = 'checked';
