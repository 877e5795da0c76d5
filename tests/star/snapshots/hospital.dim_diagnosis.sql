-- star/scd1_dimension
-- Fills star.dim_diagnosis (SCD1: the newest state of each member) from the load's batches.
merge into star.dim_diagnosis as d
using (
    select distinct on (v.diagnosis_id) v.*
    from source_hospital.star_dim_diagnosis as v
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    where
        (b.state = 'loaded' or b.batch_id = any('{}'::bigint[]))
        and v.diagnosis_id in (
            select named.diagnosis_id from source_hospital.star_dim_diagnosis as named
            where named.batch_id = any('{}'::bigint[])
        )
    order by
        v.diagnosis_id,
        b.newness desc, v.row_number desc
) as v
    on d.source_system = v.source_system and d.diagnosis_id = v.diagnosis_id
when
    matched and (d.is_inferred, d.code_system, d.diagnosis_name)
    is distinct from (false, v.code_system, v.diagnosis_name) then
    update set
        code_system = v.code_system,
        diagnosis_name = v.diagnosis_name,
        is_inferred = false
when not matched then
    insert (source_system, diagnosis_id, code_system, diagnosis_name)
    values (v.source_system, v.diagnosis_id, v.code_system, v.diagnosis_name);

-- star/inferred_member
-- A member of star.dim_diagnosis for every id that fact_encounter names and no row has described yet. Its row is
-- completed in place: where history is kept, its only state holds always, as the first described one would.
-- Tables of their own, because a query can use several processes and an insert cannot, and because the planner can
-- choose to look members up where it knows how few they are.
create temp table named_member on commit drop as
select distinct f.diagnosis_id
from source_hospital.star_fact_encounter as f
where
    f.batch_id = any('{}'::bigint[])
    and f.diagnosis_id <> 'not applicable';  -- nor NULL

analyze named_member;

create temp table unknown_member on commit drop as
select n.diagnosis_id
from named_member as n
where not exists (
    select 1 from star.dim_diagnosis as d
    where d.source_system = 'hospital' and d.diagnosis_id = n.diagnosis_id
);

insert into star.dim_diagnosis (
    source_system, diagnosis_id, is_inferred
)
select
    'hospital' as source_system,
    diagnosis_id,
    true as is_inferred
from unknown_member;

drop table named_member, unknown_member;

-- star/inferred_member
-- A member of star.dim_diagnosis for every id that fact_procedure names and no row has described yet. Its row is
-- completed in place: where history is kept, its only state holds always, as the first described one would.
-- Tables of their own, because a query can use several processes and an insert cannot, and because the planner can
-- choose to look members up where it knows how few they are.
create temp table named_member on commit drop as
select distinct f.diagnosis_id
from source_hospital.star_fact_procedure as f
where
    f.batch_id = any('{}'::bigint[])
    and f.diagnosis_id <> 'not applicable';  -- nor NULL

analyze named_member;

create temp table unknown_member on commit drop as
select n.diagnosis_id
from named_member as n
where not exists (
    select 1 from star.dim_diagnosis as d
    where d.source_system = 'hospital' and d.diagnosis_id = n.diagnosis_id
);

insert into star.dim_diagnosis (
    source_system, diagnosis_id, is_inferred
)
select
    'hospital' as source_system,
    diagnosis_id,
    true as is_inferred
from unknown_member;

drop table named_member, unknown_member;
