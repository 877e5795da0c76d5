-- Close an issue without a change. $1 issue, $2 reviewer, $3 reason.
update quality.issue
set status = 'waived', closed_at = now(), closed_by = $2, reason = $3
where issue_id = $1 and status = 'open'
returning issue_id;
