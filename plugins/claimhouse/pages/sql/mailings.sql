-- What is asked to be mailed: what waits first, then what is mailed, then the newest that is neither.
select
    m.mailing_id,
    m.asked_at,
    m.login,
    m.person,
    m.dashboard,
    m.filters,
    m.format,
    m.weekday,
    m.recipient,
    m.decided_at,
    m.decided_by,
    m.is_approved,
    m.reason,
    m.ended_at,
    m.ended_by,
    m.time_zone,
    d.schedule,
    d.starts_at,
    d.last_period,
    d.last_sent_at,
    d.problem as waits_for
from portal.mailing as m
left join portal.mailed as d on m.mailing_id = d.mailing_id
order by
    m.is_approved is null desc,
    coalesce(m.is_approved, false) and m.ended_at is null desc,
    m.mailing_id desc
limit 200;
