-- sqlfluff:templater:jinja:context:mapped:source_billing.star_fact_claim
-- sqlfluff:templater:jinja:context:fact_key:["claim_id"]
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- How many rows the mapping gives of each batch, how many of them have no key, and how many rows the batch has.
select
    g.batch_id,
    g.rows_given,
    g.without_key,
    b.rows_accepted
from (
    select
        v.batch_id,
        count(*) as rows_given,
        count(*) filter (where num_nulls(v.{{ fact_key | join(", v.") }}) > 0) as without_key
    from {{ mapped }} as v
    where v.batch_id = any('{{ batches }}'::bigint[])
    group by v.batch_id
) as g
left join landing.batch as b on g.batch_id = b.batch_id
order by g.batch_id;
