-- How many issues there are of each kind. $1 source systems.
select
    c.source_system,
    c.feed,
    c.rule,
    c.severity,
    c.status,
    sum(c.issues)::bigint as issues
from quality.issue_count as c
where c.source_system = any($1)
group by c.source_system, c.feed, c.rule, c.severity, c.status
having sum(c.issues) > 0;
