-- What the SELECT counts now, with how fresh it is.
drop table if exists pg_temp.counted;
create temporary table counted on commit drop as
select
    c.*,
    a.as_of
from ({{ select }}) as c
left join security.data_as_of as a on c.source_system = a.source_system;
