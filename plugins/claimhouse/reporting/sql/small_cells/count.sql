-- The temporary table counted: what the SELECT of a count table counts now, and how fresh it is. A source with
-- a load in progress or interrupted is left out: what is published of it stays, with its as_of.
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
