-- The logins of people as which the user $1 of Airflow may read.
select a.login
from portal.account as a
inner join portal.reader as r on a.login = r.login
where a.kind = 'airflow' and a.name = $1
order by a.login;
