-- Every combination of a claim's flags that the load brings and the junk dimension lacks.
insert into star.dim_claim_profile (visit_type, coverage_type, is_billed)
select
    f.visit_type,
    f.coverage_type,
    f.is_billed
from (
    select distinct
        coalesce(visit_type, 'unknown') as visit_type,
        coverage_type::smallint as coverage_type,
        is_billed
    from source_{{ source }}.star_fact_claim
    where batch_id = any(array(select batch_id from load_batch))
) as f
-- not "on conflict do nothing" alone: that takes a number from the sequence for every row it skips
where not exists (
    select from star.dim_claim_profile as p
    where
        p.visit_type = f.visit_type
        and p.coverage_type is not distinct from f.coverage_type
        and p.is_billed is not distinct from f.is_billed
)
on conflict do nothing;
