-- Every combination of a claim's flags that the load brings and the junk dimension lacks.

-- A table of its own, because the search can use several processes and an insert cannot.
create temp table profile on commit drop as
select distinct
    coalesce(visit_type, 'unknown') as visit_type,
    coverage_type::smallint as coverage_type,
    is_billed
from source_{{ source }}.star_fact_claim
where batch_id = any(array(select load_batch.batch_id from load_batch));

-- Not "on conflict do nothing" alone: that takes a number from the sequence for every row it skips.
insert into star.dim_claim_profile (visit_type, coverage_type, is_billed)
select
    f.visit_type,
    f.coverage_type,
    f.is_billed
from profile as f
left join star.dim_claim_profile as p
    on
        f.visit_type = p.visit_type
        and f.coverage_type is not distinct from p.coverage_type
        and f.is_billed is not distinct from p.is_billed
where p.claim_profile_key is null
on conflict do nothing;

drop table profile;
