-- The planner's statistics of batch states, which autovacuum leaves alone while the table is small. Without them
-- it takes the rows of loaded batches for a handful, and joins them one by one.
analyze landing.batch;
