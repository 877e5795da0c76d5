-- Every client and role, and the reports that its file lists.
select
    c.client,
    c.reports
from security.client as c
order by c.client;
