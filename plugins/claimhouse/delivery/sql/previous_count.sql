-- $1: a subscription, $2: whether a file has all rows, not only what has changed. The row count of the newest such
-- file that was sent or approved.
select e.row_count
from delivery.extract as e
where
    e.subscription_id = $1
    and (e.since_extract_id is null) = $2
    and (
        exists (select from delivery.disclosure as d where d.extract_id = e.extract_id)
        or exists (select from delivery.approval as a where a.extract_id = e.extract_id and a.is_approved)
    )
order by e.period desc, e.extract_id desc
limit 1;
