-- sqlfluff:templater:jinja:context:feed:claims
-- sqlfluff:templater:jinja:context:batch_id:1
-- sqlfluff:templater:jinja:context:key:t.claim_id
-- The keys that occur more than once in one batch of a feed.
select
    {{ key }},
    count(*) as copies,
    count(*) over () as failing_rows
from source_{{ source }}.{{ feed }} as t
where t.batch_id = {{ batch_id }}
group by {{ key }}
having count(*) > 1
order by {{ key }}
limit 100
