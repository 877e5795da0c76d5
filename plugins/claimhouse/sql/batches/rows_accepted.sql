-- How many rows of the batches were accepted. $1 batches.
select coalesce(sum(batch.rows_accepted), 0)::bigint as rows_accepted
from landing.batch
where batch.batch_id = any($1::bigint[]);
