-- sqlfluff:templater:jinja:context:record_key:claim_id
-- Open the issues again that a good row had settled which has left its batch since: the batch was read again, and waits
-- for its checks or is rejected. Returns the batches of these issues.
with unsettled as (
    select i.issue_id
    from landing.batch as b
    inner join quality.issue as i on b.batch_id = i.closed_by_batch_id
    where
        b.source_system = '{{ source }}'
        and b.feed = '{{ feed }}'
        and (b.state = 'verified' or (b.state = 'rejected' and b.has_lost_rows))
        and b.batch_id in (
            select r.batch_id from landing.batch_reading as r
            group by r.batch_id
            having count(*) > 1
        )
        and i.status = 'resolved'
        and i.record_key is not null
        and i.record_key not in (
            select {{ record_key }} from {{ schema }}.{{ feed }}
            where {{ feed }}.batch_id = b.batch_id
        )
)

update quality.issue as i
set status = 'open', closed_at = null, closed_by = null, closed_by_batch_id = null
from unsettled as u
where i.issue_id = u.issue_id
returning i.batch_id;
