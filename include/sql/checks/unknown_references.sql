-- sqlfluff:templater:jinja:context:feed:claims
-- sqlfluff:templater:jinja:context:batch_id:1
-- sqlfluff:templater:jinja:context:key:t.claim_id
-- sqlfluff:templater:jinja:context:column:patient_id
-- sqlfluff:templater:jinja:context:to_feed:patients
-- sqlfluff:templater:jinja:context:to_column:patient_id
-- The rows of one batch that refer to a record no batch has brought. Each record is looked for
-- once, and the rows are read again only where one is missing.
with named as materialized (
    select distinct s.{{ column }}
    from source_{{ source }}.{{ feed }} as s
    where s.batch_id = {{ batch_id }} and s.{{ column }} is not null
),

missing as materialized (
    select n.{{ column }}
    from named as n
    where
        not exists (
            select 1
            from source_{{ source }}.{{ to_feed }} as r
            where r.{{ to_column }} = n.{{ column }}
        )
)

select
    t.row_number,
    {{ key }},
    t.{{ column }},
    count(*) over () as failing_rows
from source_{{ source }}.{{ feed }} as t
where
    exists (select 1 from missing)
    and t.batch_id = {{ batch_id }}
    and t.{{ column }} in (select m.{{ column }} from missing as m)
order by t.row_number
limit 100
