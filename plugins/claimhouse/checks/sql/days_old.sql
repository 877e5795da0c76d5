-- sqlfluff:templater:jinja:context:feed:claims
-- sqlfluff:templater:jinja:context:batch_id:1
-- sqlfluff:templater:jinja:context:column:last_modified_date
-- sqlfluff:templater:jinja:context:received_date:2024-01-01
-- How many days the newest row of one batch is older than its file.
select coalesce(date '{{ received_date }}' - max(t.{{ column }})::date, 0)
from source_{{ source }}.{{ feed }} as t
where t.batch_id = {{ batch_id }}
