-- A dashboard ($1) that somebody asks to be mailed, while it waits. Locked until the transaction ends.
select
    m.mailing_id,
    m.login,
    m.person,
    m.dashboard,
    m.filters,
    m.recipient
from portal.mailing as m
where m.mailing_id = $1 and m.is_approved is null
for update;
