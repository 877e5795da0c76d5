-- Release a held batch, and waive the issues of the checks that hold it. $1 batch, $2 reviewer,
-- $3 reason, $4 severities that hold a batch.
with released as (
    update landing.batch
    set
        state = 'checked',
        checked_at = now()
    where batch_id = $1 and state = 'held'
    returning batch_id, source_system
),

act as (
    insert into quality.review_act (kind, source_system, batch_id, acted_by, reason)
    select
        'release' as kind,
        r.source_system,
        r.batch_id,
        $2::text as acted_by,
        $3::text as reason
    from released as r
    returning act_id
),

waived as (
    update quality.issue as i
    set
        status = 'waived',
        closed_at = now(),
        closed_by = $2,
        reason = $3
    from released as r
    where i.batch_id = r.batch_id and i.rule like 'soda:%' and i.severity = any($4::text[]) and i.status = 'open'
    returning i.issue_id
),

linked as (
    insert into quality.acted_issue (issue_id, act_id)
    select
        w.issue_id,
        a.act_id
    from waived as w
    cross join act as a
)

select r.batch_id from released as r;
