-- $1: a login. The editions that it sees in this transaction, and how fresh they are.
select
    e.source_system,
    e.edition,
    e.as_of
from security.login as l
inner join published.edition as e on l.audience = e.audience
where l.login = $1
order by e.source_system;
