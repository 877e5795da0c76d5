-- The rows of one batch that refer to a record no batch has brought.
select
    t.row_number,
    {{ key }},
    t.{{ column }},
    count(*) over () as failing_rows
from source_{{ source }}.{{ feed }} as t
where
    t.batch_id = {{ batch_id }}
    and t.{{ column }} is not null
    and not exists (
        select 1
        from source_{{ source }}.{{ to_feed }} as r
        where r.{{ to_column }} = t.{{ column }}
    )
limit 100
