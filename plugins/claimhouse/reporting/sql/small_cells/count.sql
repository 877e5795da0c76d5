-- noqa: disable=LT02,LT05
-- The lists are laid out as written, not as rendered.
-- The temporary table counted: what the SELECT of a count table counts now, and how fresh it is. A source with
-- a load in progress or interrupted is left out: what is published of it stays, with its as_of. A year is closed
-- once the data of the source reach {{ run_out_months }} months into the next: until then bills come in late.
drop table if exists pg_temp.counted;
create temporary table counted on commit drop as
with newest as (
    select
        f.source_system,
        max(f.service_date) as day
    from star.{{ fact }} as f
    inner join security.data_as_of as a on f.source_system = a.source_system
    where f.service_date <= a.as_of::date
    group by f.source_system
)

select
    c.*,
    a.as_of,
    coalesce(
        {{ "c." ~ year if year else "null" }} < to_char(n.day - interval '{{ run_out_months }} months', 'YYYY'), false
    ) as is_closed
from pg_temp.counting as c
inner join security.data_as_of as a on c.source_system = a.source_system
left join newest as n on c.source_system = n.source_system
where
    not exists (
        select
        from landing.batch as b
        where b.source_system = c.source_system and b.state = 'checked' and b.loading_since is not null
    );
analyze pg_temp.counted;
