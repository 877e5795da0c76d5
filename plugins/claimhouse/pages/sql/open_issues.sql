-- Those of the issues $1 that are open, of the source systems $2.
select i.issue_id
from quality.issue as i
where i.issue_id = any($1::bigint[]) and i.source_system = any($2) and i.status = 'open'
order by i.issue_id desc;
