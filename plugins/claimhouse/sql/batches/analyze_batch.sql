-- Autovacuum does not analyze the table while it is small. Without statistics the planner expects few loaded
-- batches, and chooses nested loops.
analyze landing.batch;
