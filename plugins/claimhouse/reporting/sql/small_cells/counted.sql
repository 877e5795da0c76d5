-- What the SELECT counts now, with how fresh it is. A source of which a load is under way, or has stopped
-- half-way, is left out: its table goes on showing what it held, and says from when that is.
drop table if exists pg_temp.counted;
create temporary table counted on commit drop as
select
    c.*,
    a.as_of
from ({{ select }}) as c
inner join security.data_as_of as a on c.source_system = a.source_system
where
    not exists (
        select
        from landing.batch as b
        where b.source_system = c.source_system and b.state = 'checked' and b.loading_since is not null
    );
