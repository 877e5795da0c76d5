-- Report a batch that cannot be read again, once; the batch keeps what it has. $1 batch, $2 rule, $3 message.
insert into quality.issue (batch_id, source_system, feed, file_name, rule, severity, message)
select
    b.batch_id,
    b.source_system,
    b.feed,
    f.file_name,
    $2::text as rule,
    'warning' as severity,
    $3::text as message
from landing.batch as b
inner join landing.file as f on b.file_id = f.file_id
where
    b.batch_id = $1
    and not exists (
        select from quality.issue as i
        where i.batch_id = $1 and i.rule = $2 and i.status in ('open', 'waived')
    );
