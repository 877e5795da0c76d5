-- The title of the reader with the login $1.
select r.title
from portal.reader as r
where r.login = $1;
