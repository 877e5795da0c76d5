-- How an issue stands. $1 issue.
select
    i.issue_id,
    i.status,
    i.closed_by,
    i.closed_at
from quality.issue as i
where i.issue_id = $1;
