-- The audience of each login.
select
    l.login,
    a.audience,
    a.rule
from security.login as l
inner join published.audience as a on l.audience = a.audience
order by l.login;
