-- sqlfluff:templater:jinja:context:feed:claims
-- sqlfluff:templater:jinja:context:batch_id:1
-- sqlfluff:templater:jinja:context:key:t.claim_id
-- sqlfluff:templater:jinja:context:column:patient_id
-- sqlfluff:templater:jinja:context:to_feed:patients
-- sqlfluff:templater:jinja:context:to_column:patient_id
-- sqlfluff:templater:jinja:context:by_look_up:true
-- Rows of one batch that refer to a record in no batch. Few are looked up by an index, whatever there is to refer to.
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
        where r.{{ to_column }} = t.{{ column }}{{ " offset 0" if by_look_up }}
    )
order by t.row_number
limit 100
