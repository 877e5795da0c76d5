-- What was decided, newest first. $1 source systems, $2 below which act, $3 how many.
select
    a.act_id,
    a.kind,
    a.source_system,
    a.acted_by,
    a.acted_at,
    a.reason,
    a.selection,
    a.batch_id,
    a.undone_at,
    a.undone_by,
    a.undone_reason,
    counted.issues,
    counted.issue_id,
    landed.batch_id as landed_as,
    landed.state as landed_state,
    landed.rows_accepted,
    landed.file_id,
    greatest(released.loaded_at, released.loading_since) > a.acted_at as is_loaded
from quality.review_act as a
cross join
    lateral (
        select
            count(*) as issues,
            min(d.issue_id) as issue_id
        from quality.acted_issue as d
        where d.act_id = a.act_id
    ) as counted
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
left join landing.batch as released on a.batch_id = released.batch_id and a.kind = 'release'
where a.source_system = any($1) and a.act_id < $2
order by a.act_id desc
limit $3;
