-- sqlfluff:templater:jinja:context:feed:claims
-- sqlfluff:templater:jinja:context:batch_id:1
-- sqlfluff:templater:jinja:context:key:t.claim_id
-- Keys that occur more than once in one batch. Equal keys have equal hashes, which parallel workers
-- sort in half the time; the keys themselves are compared only where a hash occurs twice.
with hashed as (
    select hashtextextended(concat_ws('|', {{ key }}), 0) as key_hash
    from source_{{ source }}.{{ feed }} as t
    where t.batch_id = {{ batch_id }}
    order by key_hash
    offset 0
),

suspect as materialized (
    select h.key_hash
    from hashed as h
    group by h.key_hash
    having count(*) > 1
)

select
    {{ key }},
    count(*) as copies,
    count(*) over () as failing_rows
from source_{{ source }}.{{ feed }} as t
where
    exists (select 1 from suspect)
    and t.batch_id = {{ batch_id }}
    and hashtextextended(concat_ws('|', {{ key }}), 0) in (select s.key_hash from suspect as s)
group by {{ key }}
having count(*) > 1
order by {{ key }}
limit 100
