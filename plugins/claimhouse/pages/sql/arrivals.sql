-- What arrived and what became of it, by feed. $1: source systems.
with arrived as (
    select
        f.source_system,
        f.feed,
        max(f.arrived_at) as last_arrival
    from landing.file as f
    where f.source_system = any($1)
    group by f.source_system, f.feed
),

last_day as (
    select
        f.source_system,
        f.feed,
        count(distinct f.file_id) as files,
        coalesce(sum(b.rows_read), 0)::bigint as rows_read,
        coalesce(sum(b.rows_accepted), 0)::bigint as rows_accepted,
        coalesce(sum(b.rows_quarantined), 0)::bigint as rows_quarantined,
        coalesce(sum(b.rows_dropped), 0)::bigint as rows_dropped
    from landing.file as f
    left join landing.batch as b on f.file_id = b.file_id
    where f.landed_at > now() - interval '1 day' and f.source_system = any($1)
    group by f.source_system, f.feed
),

unfinished as (
    select
        b.source_system,
        b.feed,
        count(*) filter (where b.state <> 'held') as waiting,
        count(*) filter (where b.state = 'held') as held
    from landing.batch as b
    where b.state in ('landed', 'verified', 'checked', 'held') and b.source_system = any($1)
    group by b.source_system, b.feed
)

select
    a.source_system,
    a.feed,
    a.last_arrival,
    coalesce(d.files, 0) as files,
    coalesce(d.rows_read, 0) as rows_read,
    coalesce(d.rows_accepted, 0) as rows_accepted,
    coalesce(d.rows_quarantined, 0) as rows_quarantined,
    coalesce(d.rows_dropped, 0) as rows_dropped,
    coalesce(u.waiting, 0) as waiting,
    coalesce(u.held, 0) as held
from arrived as a
left join last_day as d on a.source_system = d.source_system and a.feed = d.feed
left join unfinished as u on a.source_system = u.source_system and a.feed = u.feed
order by a.source_system, a.feed;
