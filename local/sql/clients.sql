-- The reports of each client.
select
    c.client,
    c.privacy_level,
    'reporting.' || r.report as report
from security.client as c
cross join unnest(c.reports) as r (report)
order by c.client, r.report;
