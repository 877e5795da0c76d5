-- $1: a source system.
select exists (
    select
    from change.{{ table }} as i
    where i.source_system = $1
) as has_images;
