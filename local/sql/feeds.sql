-- Rows read, accepted, quarantined and dropped, by feed.
select
    b.source_system,
    b.feed,
    count(distinct b.file_id) as files,
    sum(b.rows_read)::bigint as rows_read,
    sum(b.rows_accepted)::bigint as accepted,
    sum(b.rows_quarantined)::bigint as quarantined,
    sum(b.rows_dropped)::bigint as dropped,
    count(*) filter (where b.state = 'loaded') as loaded,
    string_agg(distinct b.state, ', ' order by b.state) filter (where b.state <> 'loaded') as other_states
from landing.batch as b
group by b.source_system, b.feed
order by b.source_system, b.feed;
