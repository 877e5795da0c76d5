-- After all of a batch was read again. $1 batch, $2 its state before, $3 whether its accepted rows are others: then it
-- is checked and loaded again, $4 whether rows that the star may have are gone, or others.
update landing.batch
set
    state = case when $3 then 'verified' else $2 end,
    loading_since = case when $3 then null else loading_since end,
    -- not the time of the first load: rows that depend on several batches name the one loaded last
    loaded_at = case when $3 then null else loaded_at end,
    has_lost_rows = has_lost_rows or $4
where batch_id = $1;
