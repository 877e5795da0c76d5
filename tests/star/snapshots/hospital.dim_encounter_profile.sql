-- star/junk_dimension
-- Adds to star.dim_encounter_profile the combinations of flags that the load brings for fact_encounter.

-- A table of its own, because a query can use several processes and an insert cannot.
create temp table combination on commit drop as
select distinct
    v.encounter_class::text as encounter_class,
    null::text as modality,
    null::boolean as is_first_visit
    from source_hospital.star_fact_encounter as v
where v.batch_id = any('{}'::bigint[]);

-- "on conflict do nothing" alone would take a number from the sequence for every row it skips.
insert into star.dim_encounter_profile (encounter_class, modality, is_first_visit)
select c.*
from combination as c
-- a row without any flag gets the key -1, unknown
where num_nonnulls(c.encounter_class, c.modality, c.is_first_visit) > 0 and not exists (
    select 1 from star.dim_encounter_profile as d
    where
        d.encounter_class is not distinct from c.encounter_class
        and d.modality is not distinct from c.modality
        and d.is_first_visit is not distinct from c.is_first_visit
        )
order by encounter_class, modality, is_first_visit
on conflict do nothing;

update star.dim_encounter_profile as d
set modality_counts_as = m.counts_as
from (
    select
        k.encounter_profile_key,
        coalesce(max(l.counts_as), 'unknown') as counts_as
    from star.dim_encounter_profile as k
    left join reference.modality as l on btrim(regexp_replace(lower(k.modality), '[\s!-/:-@\[-`{-~\u00a0–—]+', ' ', 'g')) = btrim(regexp_replace(lower(l.spelling), '[\s!-/:-@\[-`{-~\u00a0–—]+', ' ', 'g'))
    group by k.encounter_profile_key
) as m
where d.encounter_profile_key = m.encounter_profile_key and d.modality_counts_as <> m.counts_as;

drop table combination;
