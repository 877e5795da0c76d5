-- A good row ends the open issues that earlier batches left on the same record.
update quality.issue
set
    status = case when batch.is_correction then 'corrected' else 'resolved' end,
    closed_at = now(),
    closed_by = 'batch ' || batch.batch_id,
    closed_by_batch_id = batch.batch_id
from landing.batch, {{ schema }}.{{ feed }} as good
where
    batch.batch_id = {{ batch_id }}
    and good.batch_id = batch.batch_id
    and issue.status = 'open'
    and issue.source_system = batch.source_system
    and issue.feed = batch.feed
    and issue.batch_id < batch.batch_id
    and issue.record_key = concat_ws('|', {% for column in key %}good.{{ column }}{{ ', ' if not loop.last }}{% endfor %});
