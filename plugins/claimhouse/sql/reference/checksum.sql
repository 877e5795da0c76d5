-- The checksum of the file that the list $1 was laid from.
select substr(obj_description(c.oid, 'pg_class'), 8) as checksum
from pg_class as c
where c.oid = to_regclass('reference.' || quote_ident($1));
