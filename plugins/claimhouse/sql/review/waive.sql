-- Close those of the issues $1 that are open without a change, as one act for each source system. $2 reviewer,
-- $3 reason, $4 the filters by which they were chosen, if any.
with waived as (
    update quality.issue
    set status = 'waived', closed_at = now(), closed_by = $2, reason = $3
    where issue_id = any($1) and status = 'open'
    returning issue_id, source_system
),

act as (
    insert into quality.review_act (kind, source_system, acted_by, reason, selection)
    select distinct
        'waive' as kind,
        w.source_system,
        $2::text as acted_by,
        $3::text as reason,
        $4::text as selection
    from waived as w
    returning act_id, source_system
)

insert into quality.acted_issue (issue_id, act_id)
select
    w.issue_id,
    a.act_id
from waived as w
inner join act as a on w.source_system = a.source_system
returning issue_id, act_id;
