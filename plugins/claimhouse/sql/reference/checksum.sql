-- The checksum of the file from which the list $1 was filled.
select substr(obj_description(c.oid, 'pg_class'), 8) as checksum
from pg_class as c
where c.oid = to_regclass('reference.' || quote_ident($1));
