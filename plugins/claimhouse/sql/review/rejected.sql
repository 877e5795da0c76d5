-- Why a batch is rejected; no row for one that is not. $1 batch.
select coalesce(i.message, 'see its issues') as message
from landing.batch as b
left join quality.issue as i on b.batch_id = i.batch_id and i.severity = 'error' and i.status = 'open'
where b.batch_id = $1 and b.state = 'rejected'
order by i.issue_id desc
limit 1;
