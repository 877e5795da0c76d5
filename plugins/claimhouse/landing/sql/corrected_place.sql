-- The place in the order of the delivery of a batch. $1 batch.
select file.file_order
from landing.batch
inner join landing.file using (file_id)
where batch.batch_id = $1;
