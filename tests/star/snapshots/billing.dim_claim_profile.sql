-- star/junk_dimension
-- Adds to star.dim_claim_profile the combinations of flags that the load brings for fact_claim.

-- A table of its own, because a query can use several processes and an insert cannot.
create temp table combination on commit drop as
select distinct
    v.visit_type::text as visit_type,
    v.coverage_type::smallint as coverage_type,
    v.is_billed::boolean as is_billed,
    null::text as claim_type,
    null::text as plan_type,
    null::text as claim_status,
    null::text as status_reason
    from source_billing.star_fact_claim as v
where v.batch_id = any('{}'::bigint[]);

-- "on conflict do nothing" alone would take a number from the sequence for every row it skips.
insert into star.dim_claim_profile (visit_type, coverage_type, is_billed, claim_type, plan_type, claim_status, status_reason)
select c.*
from combination as c
-- a row without any flag gets the key -1, unknown
where num_nonnulls(c.visit_type, c.coverage_type, c.is_billed, c.claim_type, c.plan_type, c.claim_status, c.status_reason) > 0 and not exists (
    select 1 from star.dim_claim_profile as d
    where
        d.visit_type is not distinct from c.visit_type
        and d.coverage_type is not distinct from c.coverage_type
        and d.is_billed is not distinct from c.is_billed
        and d.claim_type is not distinct from c.claim_type
        and d.plan_type is not distinct from c.plan_type
        and d.claim_status is not distinct from c.claim_status
        and d.status_reason is not distinct from c.status_reason
        )
order by visit_type, coverage_type, is_billed, claim_type, plan_type, claim_status, status_reason
on conflict do nothing;

update star.dim_claim_profile as d
set claim_status_counts_as = m.counts_as
from (
    select
        k.claim_profile_key,
        coalesce(max(l.counts_as), 'unknown') as counts_as
    from star.dim_claim_profile as k
    left join reference.claim_status as l on btrim(regexp_replace(lower(k.claim_status), '[\s!-/:-@\[-`{-~\u00a0–—]+', ' ', 'g')) = btrim(regexp_replace(lower(l.spelling), '[\s!-/:-@\[-`{-~\u00a0–—]+', ' ', 'g'))
    group by k.claim_profile_key
) as m
where d.claim_profile_key = m.claim_profile_key and d.claim_status_counts_as <> m.counts_as;

drop table combination;
