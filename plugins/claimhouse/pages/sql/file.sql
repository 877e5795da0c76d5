-- One file that landed, with those of its feed before and after it. $1 file, $2 source systems.
select
    f.file_id,
    f.source_system,
    f.feed,
    f.file_name,
    f.archive_path,
    f.checksum,
    f.size_bytes,
    f.landed_at,
    f.arrived_at,
    f.ordered_by,
    f.same_as_file_id,
    same.file_name as same_as_name,
    upload.uploaded_by,
    upload.uploaded_at,
    earlier.file_id as earlier_id,
    earlier.file_name as earlier_name,
    later.file_id as later_id,
    later.file_name as later_name
from landing.file as f
left join landing.file as same on f.same_as_file_id = same.file_id
left join lateral (
    select
        u.uploaded_by,
        u.uploaded_at
    from landing.upload as u
    where u.landing_path = f.source_system || '/' || f.file_name
    order by u.upload_id desc
    limit 1
) as upload on true
left join lateral (
    select
        e.file_id,
        e.file_name
    from landing.file as e
    where
        e.source_system = f.source_system
        and e.feed = f.feed
        and e.file_order <= f.file_order
        and (e.file_order, e.file_id) < (f.file_order, f.file_id)
    order by e.file_order desc, e.file_id desc
    limit 1
) as earlier on true
left join lateral (
    select
        e.file_id,
        e.file_name
    from landing.file as e
    where
        e.source_system = f.source_system
        and e.feed = f.feed
        and e.file_order >= f.file_order
        and (e.file_order, e.file_id) > (f.file_order, f.file_id)
    order by e.file_order asc, e.file_id asc
    limit 1
) as later on true
where f.file_id = $1 and f.source_system = any($2);
