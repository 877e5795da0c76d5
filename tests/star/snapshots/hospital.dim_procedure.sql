-- star/scd1_dimension
-- Fills star.dim_procedure (SCD1: the newest state of each member) from the load's batches.
merge into star.dim_procedure as d
using (
    select distinct on (v.procedure_id) v.*
    from source_hospital.star_dim_procedure as v
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    where
        (b.state = 'loaded' or b.batch_id = any('{}'::bigint[]))
        and v.procedure_id in (
            select named.procedure_id from source_hospital.star_dim_procedure as named
            where named.batch_id = any('{}'::bigint[])
        )
    order by
        v.procedure_id,
        b.newness desc, v.row_number desc
) as v
    on d.source_system = v.source_system and d.procedure_id = v.procedure_id
when
    matched and (d.is_inferred, d.code_system, d.procedure_name, d.other_names, d.specialty, d.is_restricted)
    is distinct from (false, v.code_system, v.procedure_name, v.other_names, v.specialty, v.is_restricted) then
    update set
        code_system = v.code_system,
        procedure_name = v.procedure_name,
        other_names = v.other_names,
        specialty = v.specialty,
        is_restricted = v.is_restricted,
        is_inferred = false
when not matched then
    insert (source_system, procedure_id, code_system, procedure_name, other_names, specialty, is_restricted)
    values (v.source_system, v.procedure_id, v.code_system, v.procedure_name, v.other_names, v.specialty, v.is_restricted);

-- star/inferred_member
-- A member of star.dim_procedure for every id that fact_encounter names and no row has described yet. Its row is
-- completed in place: where history is kept, its only state holds always, as the first described one would.
-- Tables of their own, because a query can use several processes and an insert cannot, and because the planner can
-- choose to look members up where it knows how few they are.
create temp table named_member on commit drop as
select distinct f.procedure_id
from source_hospital.star_fact_encounter as f
where
    f.batch_id = any('{}'::bigint[])
    and f.procedure_id <> 'not applicable';  -- nor NULL

analyze named_member;

create temp table unknown_member on commit drop as
select n.procedure_id
from named_member as n
where not exists (
    select 1 from star.dim_procedure as d
    where d.source_system = 'hospital' and d.procedure_id = n.procedure_id
);

insert into star.dim_procedure (
    source_system, procedure_id, is_inferred
)
select
    'hospital' as source_system,
    procedure_id,
    true as is_inferred
from unknown_member;

drop table named_member, unknown_member;

-- star/inferred_member
-- A member of star.dim_procedure for every id that fact_procedure names and no row has described yet. Its row is
-- completed in place: where history is kept, its only state holds always, as the first described one would.
-- Tables of their own, because a query can use several processes and an insert cannot, and because the planner can
-- choose to look members up where it knows how few they are.
create temp table named_member on commit drop as
select distinct f.procedure_id
from source_hospital.star_fact_procedure as f
where
    f.batch_id = any('{}'::bigint[])
    and f.procedure_id <> 'not applicable';  -- nor NULL

analyze named_member;

create temp table unknown_member on commit drop as
select n.procedure_id
from named_member as n
where not exists (
    select 1 from star.dim_procedure as d
    where d.source_system = 'hospital' and d.procedure_id = n.procedure_id
);

insert into star.dim_procedure (
    source_system, procedure_id, is_inferred
)
select
    'hospital' as source_system,
    procedure_id,
    true as is_inferred
from unknown_member;

drop table named_member, unknown_member;
