-- What was decided about an issue, its row or its batch, newest first. $1 issue, $2 batch, $3 row number.
select
    a.act_id,
    a.kind,
    a.source_system,
    a.acted_by,
    a.acted_at,
    a.reason,
    a.selection,
    a.undone_at,
    a.undone_by,
    a.undone_reason,
    (select count(*) from quality.acted_issue as d where d.act_id = a.act_id) as issues,
    landed.file_id,
    landed.batch_id as landed_as,
    landed.state as landed_state,
    landed.rows_accepted,
    greatest(released.loaded_at, released.loading_since) > a.acted_at as is_loaded
from quality.review_act as a
left join lateral (
    select
        s.file_id,
        b.batch_id,
        b.state,
        b.rows_accepted
    from landing.sighting as s
    left join landing.batch as b on s.file_id = b.file_id
    where s.path = a.path and s.file_id is not null
    order by b.batch_id
    limit 1
) as landed on true
left join landing.batch as released
    on a.batch_id = released.batch_id and a.kind = 'release'
where
    a.act_id in (
        select d.act_id from quality.acted_issue as d
        where d.issue_id = $1
        union all
        select r.act_id
        from quality.review_act as r
        where r.batch_id = $2 and (r.row_number = $3 or r.kind = 'release')
    )
order by a.act_id desc;
