-- The database role of the login $1, and whether a restricted specialty is open to it; no row for one that is nobody's.
select
    l.role_name,
    count(e.value) > 0 as opens_restricted
from security.login as l
left join security.entitlement as e on l.login = e.login and e.kind = 'restricted_specialty'
where l.login = $1
group by l.role_name;
