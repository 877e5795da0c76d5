-- sqlfluff:templater:jinja:context:mapped:source_billing.star_fact_claim
-- sqlfluff:templater:jinja:context:fact_key:["claim_id"]
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- Rows that the mapping gives more than once, with the same key; the first one, and how many there are.
select
    v.batch_id,
    v.row_number,
    count(*) as times,
    count(*) over () as repeated_rows
from {{ mapped }} as v
where v.batch_id = any('{{ batches }}'::bigint[])
group by v.batch_id, v.row_number, v.{{ fact_key | join(", v.") }}
having count(*) > 1
order by v.batch_id, v.row_number
limit 1;
