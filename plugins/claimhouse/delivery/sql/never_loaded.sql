-- $1: a login. The source systems that it may see of which files have arrived and none has been loaded and published.
select distinct n.source_system
from security.entitlement as n
inner join security.login as l on n.login = l.login
inner join landing.batch as b on n.source_system = b.source_system
left join published.edition as p on l.audience = p.audience and n.source_system = p.source_system
where l.login = $1 and p.as_of is null
order by n.source_system;
