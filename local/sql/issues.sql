-- Open issues, and issues closed by a later file or a person, by feed and rule.
select
    i.source_system,
    coalesce(i.feed, '-') as feed,
    i.severity,
    i.rule,
    count(*) filter (where i.status = 'open') as open_issues,
    count(*) filter (where i.status <> 'open') as closed_issues
from quality.issue as i
group by i.source_system, i.feed, i.severity, i.rule
order by i.severity, i.source_system, i.feed, i.rule;
