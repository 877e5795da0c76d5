-- The quarantined rows of the open issues $1, each with its oldest issue.
select
    i.source_system,
    i.feed,
    i.batch_id,
    i.row_number,
    min(i.issue_id) as issue_id,
    max(i.column_name) as column_name,
    count(*) as issues
from quality.issue as i
inner join quality.quarantine as q on i.batch_id = q.batch_id and i.row_number = q.row_number
where i.issue_id = any($1::bigint[]) and i.status = 'open'
group by i.source_system, i.feed, i.batch_id, i.row_number
order by issue_id;
