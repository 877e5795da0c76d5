drop view portal.reader;
create view portal.reader as
select
    l.login,
    l.role_name,
    l.client,
    l.specialty,
    c.title,
    c.is_internal,
    c.reports
from security.login as l
inner join security.client as c on l.client = c.client
where not l.is_own_role;
comment on view portal.reader is 'The logins of people, their database roles, and the reports of each';
