-- What was loaded, by source system.
select
    b.source_system,
    count(distinct b.file_id) as files,
    coalesce(sum(b.rows_read), 0)::bigint as rows_read,
    coalesce(sum(b.rows_accepted), 0)::bigint as accepted,
    coalesce(sum(b.rows_quarantined), 0)::bigint as quarantined,
    coalesce(sum(b.rows_dropped), 0)::bigint as dropped
from landing.batch as b
group by b.source_system
order by b.source_system;
