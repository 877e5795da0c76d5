-- star/scd1_dimension
-- Fills star.dim_payer (SCD1: the newest state of each member) from the load's batches.
merge into star.dim_payer as d
using (
    select distinct on (v.payer_id) v.*
    from source_hospital.star_dim_payer as v
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    where
        (b.state = 'loaded' or b.batch_id = any('{}'::bigint[]))
        and v.payer_id in (
            select named.payer_id from source_hospital.star_dim_payer as named
            where named.batch_id = any('{}'::bigint[])
        )
    order by
        v.payer_id,
        b.newness desc, v.row_number desc
) as v
    on d.source_system = v.source_system and d.payer_id = v.payer_id
when
    matched and (d.is_inferred, d.payer_name, d.is_insurer, d.city, d.state)
    is distinct from (false, v.payer_name, v.is_insurer, v.city, v.state) then
    update set
        payer_name = v.payer_name,
        is_insurer = v.is_insurer,
        city = v.city,
        state = v.state,
        is_inferred = false
when not matched then
    insert (source_system, payer_id, payer_name, is_insurer, city, state)
    values (v.source_system, v.payer_id, v.payer_name, v.is_insurer, v.city, v.state);

-- star/inferred_member
-- A member of star.dim_payer for every id that fact_encounter names and no row has described yet. Its row is
-- completed in place: where history is kept, its only state holds always, as the first described one would.
-- Tables of their own, because a query can use several processes and an insert cannot, and because the planner can
-- choose to look members up where it knows how few they are.
create temp table named_member on commit drop as
select distinct f.payer_id
from source_hospital.star_fact_encounter as f
where
    f.batch_id = any('{}'::bigint[])
    and f.payer_id <> 'not applicable';  -- nor NULL

analyze named_member;

create temp table unknown_member on commit drop as
select n.payer_id
from named_member as n
where not exists (
    select 1 from star.dim_payer as d
    where d.source_system = 'hospital' and d.payer_id = n.payer_id
);

insert into star.dim_payer (
    source_system, payer_id, is_inferred
)
select
    'hospital' as source_system,
    payer_id,
    true as is_inferred
from unknown_member;

drop table named_member, unknown_member;

-- star/inferred_member
-- A member of star.dim_payer for every id that fact_procedure names and no row has described yet. Its row is
-- completed in place: where history is kept, its only state holds always, as the first described one would.
-- Tables of their own, because a query can use several processes and an insert cannot, and because the planner can
-- choose to look members up where it knows how few they are.
create temp table named_member on commit drop as
select distinct f.payer_id
from source_hospital.star_fact_procedure as f
where
    f.batch_id = any('{}'::bigint[])
    and f.payer_id <> 'not applicable';  -- nor NULL

analyze named_member;

create temp table unknown_member on commit drop as
select n.payer_id
from named_member as n
where not exists (
    select 1 from star.dim_payer as d
    where d.source_system = 'hospital' and d.payer_id = n.payer_id
);

insert into star.dim_payer (
    source_system, payer_id, is_inferred
)
select
    'hospital' as source_system,
    payer_id,
    true as is_inferred
from unknown_member;

drop table named_member, unknown_member;
