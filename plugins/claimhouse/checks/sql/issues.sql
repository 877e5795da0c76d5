-- One open issue for each check that warned or failed: its open issue, updated, or a new one. $1 a
-- JSON list of them.
with found as (
    select r.*
    from jsonb_to_recordset($1::jsonb) as r (
        source_system text,
        feed text,
        batch_id bigint,
        rule text,
        severity text,
        message text
    )
),

updated as (
    update quality.issue as i
    set
        severity = f.severity,
        message = f.message
    from found as f
    where
        i.source_system = f.source_system
        and i.batch_id is not distinct from f.batch_id
        and i.rule = f.rule
        and i.status = 'open'
    returning i.rule
)

insert into quality.issue (batch_id, source_system, feed, file_name, rule, severity, message)
select
    f.batch_id,
    f.source_system,
    f.feed,
    l.file_name,
    f.rule,
    f.severity,
    f.message
from found as f
left join landing.batch as b on f.batch_id = b.batch_id
left join landing.file as l on b.file_id = l.file_id
where f.rule not in (select u.rule from updated as u);
