-- Open the issues again that an act waived and that no later act did. $1 act.
with newest as (
    select
        d.issue_id,
        max(a.act_id) as act_id
    from quality.acted_issue as d
    inner join quality.review_act as a on d.act_id = a.act_id
    where
        d.issue_id in (select o.issue_id from quality.acted_issue as o where o.act_id = $1)
        and a.undone_at is null
        and a.kind <> 'correct'
    group by d.issue_id
)

update quality.issue as i
set status = 'open', closed_at = null, closed_by = null, reason = null
from newest as n
where n.act_id = $1 and i.issue_id = n.issue_id and i.status = 'waived'
returning i.issue_id;
