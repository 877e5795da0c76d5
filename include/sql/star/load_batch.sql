-- sqlfluff:templater:jinja:context:batch_ids:[1, 2]
-- The table load_batch: the batches of the load, for the SQL of the steps that follow in this transaction.
-- The hash of a row is that of its text: dates must look the same in every session.
set local datestyle = 'ISO, YMD';
create temp table if not exists load_batch (batch_id bigint) on commit drop;
truncate load_batch;
insert into load_batch
select distinct unnest(array[{{ batch_ids | join(", ") }}]::bigint[]) as batch_id;
analyze load_batch;
