-- The lists of the schema reference, and the checksum of the file from which each was filled.
select
    c.relname as list,
    substr(obj_description(c.oid, 'pg_class'), 8) as checksum
from pg_class as c
where c.relnamespace = to_regnamespace('reference') and c.relkind = 'r';
