-- Which client may read which secured view.
select
    c.client,
    c.privacy_level,
    'reporting.' || r.report as secured_view
from security.client as c
cross join unnest(c.reports) as r (report)
order by c.client, r.report;
