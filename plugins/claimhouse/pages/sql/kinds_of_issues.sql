-- How many of the issues $1 there are of each kind.
select
    i.source_system,
    i.feed,
    i.rule,
    i.severity,
    count(*) as issues
from quality.issue as i
where i.issue_id = any($1::bigint[])
group by i.source_system, i.feed, i.rule, i.severity
order by issues desc, i.source_system asc, i.feed asc, i.rule asc;
