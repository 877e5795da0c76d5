-- noqa: disable=LT02,LT05,LT01 (the conditions are laid out as written, not as rendered)
-- One page of the files that landed, newest first. $1 source systems, then filters, null for all: $2 source system,
-- $3 feed, $4 state, $5 and $6 first and last day of arrival, $7 pattern of the name. $8 who asks, $9 and $10 time and
-- number of the file beside the page, $11 how many.
with listed as (
    select
        f.file_id,
        f.landed_at,
        f.arrived_at,
        f.source_system,
        f.feed,
        f.file_name
    from landing.file as f
    where
        {% include "pages/sql/matching_files.jinja" %}
        and f.source_system = any($1)
        and (
            $10::bigint is null
            or (f.landed_at, f.file_id) {{ ">" if upward else "<" }} ($9::timestamptz, $10)
        )
    order by
        f.landed_at {{ "asc" if upward else "desc" }},
        f.file_id {{ "asc" if upward else "desc" }}
    limit $11
)

select
    l.file_id,
    l.landed_at,
    l.arrived_at,
    l.source_system,
    l.feed,
    l.file_name,
    u.uploaded_by,
    coalesce(b.state, 'repeated') as state,
    b.is_correction,
    b.rows_read,
    b.rows_accepted,
    b.rows_quarantined,
    b.rows_dropped
from listed as l
left join lateral (
    select
        string_agg(distinct b.state, ', ') as state,
        bool_or(b.is_correction) as is_correction,
        sum(b.rows_read)::bigint as rows_read,
        sum(b.rows_accepted)::bigint as rows_accepted,
        sum(b.rows_quarantined)::bigint as rows_quarantined,
        sum(b.rows_dropped)::bigint as rows_dropped
    from landing.batch as b
    where b.file_id = l.file_id
) as b on true
left join lateral (
    select u.uploaded_by
    from landing.upload as u
    where u.landing_path = l.source_system || '/' || l.file_name
    order by u.upload_id desc
    limit 1
) as u on true
order by l.landed_at desc, l.file_id desc;
