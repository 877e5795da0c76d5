-- A good row ends the open issues that earlier batches left on the same record.
with
left_open as materialized (
    select
        issue.issue_id,
        issue.record_key
    from quality.issue
    inner join landing.batch on batch.batch_id = {{ batch_id }}
    where
        issue.status = 'open'
        and issue.source_system = batch.source_system
        and issue.feed = batch.feed
        and issue.batch_id < batch.batch_id
        and issue.record_key is not null
),

-- Named once each, so that the server joins by hash whatever it guesses of the tables' sizes.
good as materialized (
    select distinct record_key
    from (
        select concat_ws('|', {{ key | join(', ') }}) as record_key
        from {{ schema }}.{{ feed }}
        where batch_id = {{ batch_id }} and exists (select from left_open)
    ) as accepted
)

update quality.issue
set
    status = case when batch.is_correction then 'corrected' else 'resolved' end,
    closed_at = now(),
    closed_by = 'batch ' || batch.batch_id,
    closed_by_batch_id = batch.batch_id
from landing.batch
where
    batch.batch_id = {{ batch_id }}
    and issue.issue_id in (
        select left_open.issue_id
        from left_open
        where left_open.record_key in (select good.record_key from good)
    );
