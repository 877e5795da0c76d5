-- All accounts, and whether somebody still reads as the login of each.
select
    a.kind,
    a.name,
    a.login,
    r.login is not null as has_reader,
    a.failed_count,
    case when a.locked_until > now() then a.locked_until end as locked_until,
    a.signed_in_at
from portal.account as a
left join portal.reader as r on a.login = r.login
order by a.kind, a.name, a.login;
