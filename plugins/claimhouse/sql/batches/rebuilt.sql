-- The star has no rows more that these batches lost. $1 source system, $2 batches of the load.
update landing.batch
set has_lost_rows = false
where source_system = $1 and has_lost_rows and (state = 'rejected' or batch_id = any($2::bigint[]));
