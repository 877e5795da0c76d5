-- The keys that occur more than once in one batch of a feed.
select
    {{ key }},
    count(*) as copies,
    count(*) over () as failing_rows
from source_{{ source }}.{{ feed }} as t
where t.batch_id = {{ batch_id }}
group by {{ key }}
having count(*) > 1
limit 100
