-- sqlfluff:templater:jinja:context:feed:claims
-- sqlfluff:templater:jinja:context:batch_id:1
-- sqlfluff:templater:jinja:context:claim:claim_id
-- sqlfluff:templater:jinja:context:patient:patient_id
-- sqlfluff:templater:jinja:context:provider:provider_id
-- sqlfluff:templater:jinja:context:day:date_of_service
-- sqlfluff:templater:jinja:context:charged:total_cost
-- sqlfluff:templater:jinja:context:same:[{"name": "total_cost", "type": "decimal"}]
-- How many claims of a batch are the same as another one under another number. Parallel workers sort
-- hashes; equal ones are equal claims but for one chance in millions of millions.
{% import "plausibility/fingerprint.jinja" as claims with context -%}
with compared as (
    {{ claims.compared() | indent(4) }}
)

select coalesce(sum(s.own_claims), 0) as duplicate_claims
from (
    select count(*) filter (where c.is_own__) as own_claims
    from (
        select a.*
        from compared as a
        order by a.fingerprint__
        offset 0
    ) as c
    group by c.fingerprint__
    having min(c.claim_hash__) <> max(c.claim_hash__) and bool_or(c.is_own__)
) as s
