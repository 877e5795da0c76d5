-- What became of the amounts in the files of the last day, by feed and column. $1: source systems.
select
    b.source_system,
    b.feed,
    a.column_name,
    sum((a.amounts ->> 'read')::numeric) as amount_read,
    sum((a.amounts ->> 'accepted')::numeric) as amount_accepted,
    sum((a.amounts ->> 'quarantined')::numeric) as amount_quarantined,
    sum((a.amounts ->> 'dropped')::numeric) as amount_dropped,
    sum((a.amounts ->> 'unreadable')::bigint)::bigint as unreadable,
    coalesce(sum((a.amounts ->> 'accepted')::numeric) filter (where b.state = 'loaded'), 0) as amount_loaded
from landing.file as f
inner join landing.batch as b on f.file_id = b.file_id
cross join lateral jsonb_each(b.amounts) as a (column_name, amounts)
where f.landed_at > now() - interval '1 day' and b.source_system = any($1)
group by b.source_system, b.feed, a.column_name
having sum((a.amounts ->> 'read')::numeric) <> 0 or sum((a.amounts ->> 'unreadable')::bigint) > 0
order by b.source_system, b.feed, a.column_name;
