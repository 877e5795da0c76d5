-- What a login ($1) asked to be mailed of a dashboard ($2), the newest first.
select
    m.asked_at,
    m.person,
    m.filters,
    m.format,
    m.weekday,
    m.recipient,
    m.is_approved,
    m.reason,
    m.ended_at
from portal.mailing as m
where m.login = $1 and m.dashboard = $2
order by m.mailing_id desc
limit 20;
