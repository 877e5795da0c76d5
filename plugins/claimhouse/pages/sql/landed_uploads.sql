-- What became of files in the landing root. $1 their addresses.
select
    s.path,
    f.file_id,
    f.feed,
    f.same_as_file_id,
    b.batch_id,
    b.state,
    b.rows_read,
    b.rows_accepted,
    b.rows_quarantined,
    b.rows_dropped
from landing.sighting as s
inner join landing.file as f on s.file_id = f.file_id
left join lateral (
    select
        t.batch_id,
        t.state,
        t.rows_read,
        t.rows_accepted,
        t.rows_quarantined,
        t.rows_dropped
    from landing.batch as t
    where t.file_id = f.file_id
    order by t.batch_id desc
    limit 1
) as b on true
where s.path = any($1)
order by f.file_id;
