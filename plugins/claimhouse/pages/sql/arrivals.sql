-- What arrived and what became of it, by feed. $1: source systems.
select
    b.source_system,
    b.feed,
    max(f.arrived_at) as last_arrival,
    count(*) filter (where f.landed_at > now() - interval '1 day') as files,
    sum(b.rows_read) filter (where f.landed_at > now() - interval '1 day')::bigint as rows_read,
    sum(b.rows_accepted) filter (where f.landed_at > now() - interval '1 day')::bigint as rows_accepted,
    sum(b.rows_quarantined) filter (where f.landed_at > now() - interval '1 day')::bigint as rows_quarantined,
    sum(b.rows_dropped) filter (where f.landed_at > now() - interval '1 day')::bigint as rows_dropped,
    count(*) filter (where b.state not in ('loaded', 'rejected')) as waiting,
    count(*) filter (where b.state = 'held') as held
from landing.batch as b
inner join landing.file as f on b.file_id = f.file_id
where b.source_system = any($1)
group by b.source_system, b.feed
order by b.source_system, b.feed;
