-- Release a held batch, and waive the issues of the checks that hold it. $1 batch, $2 reviewer,
-- $3 reason, $4 severities that hold a batch.
with released as (
    update landing.batch
    set
        state = 'checked',
        checked_at = now()
    where batch_id = $1 and state = 'held'
    returning batch_id
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
)

select r.batch_id from released as r;
