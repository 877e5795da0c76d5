-- Open issues, by severity.
select
    i.severity,
    count(*) as issues
from quality.issue as i
where i.status = 'open'
group by i.severity
order by i.severity;
