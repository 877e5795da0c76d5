-- What a login ($1) asked to be mailed of a dashboard ($2), the newest first.
select
    m.mailing_id,
    m.asked_at,
    m.person,
    m.filters,
    m.format,
    m.weekday,
    m.recipient,
    m.is_approved,
    m.reason,
    m.ended_at,
    m.time_zone,
    d.schedule,
    d.starts_at,
    d.last_period,
    d.last_sent_at,
    d.problem is not null as waits
from portal.mailing as m
left join portal.mailed as d on m.mailing_id = d.mailing_id
where m.login = $1 and m.dashboard = $2
order by m.mailing_id desc
limit 20;
