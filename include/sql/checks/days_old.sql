-- By how many days the newest row of one batch is older than the day its file was received.
select coalesce(date '{{ received_date }}' - max(t.{{ column }})::date, 0)
from source_{{ source }}.{{ feed }} as t
where t.batch_id = {{ batch_id }}
