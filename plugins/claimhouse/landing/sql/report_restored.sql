-- An issue of a batch whose archived file was restored. $1 batch, $2 message.
insert into quality.issue (batch_id, source_system, feed, file_name, rule, severity, message)
select
    batch.batch_id,
    batch.source_system,
    batch.feed,
    file.file_name,
    'archive_restored' as rule,
    'warning' as severity,
    $2::text as message
from landing.batch
inner join landing.file using (file_id)
where batch.batch_id = $1;
