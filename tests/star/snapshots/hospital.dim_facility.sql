-- star/scd1_dimension
-- Fills star.dim_facility (SCD1: the newest state of each member) from the load's batches.
merge into star.dim_facility as d
using (
    select distinct on (v.facility_id) v.*
    from source_hospital.star_dim_facility as v
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    where
        (b.state = 'loaded' or b.batch_id = any('{}'::bigint[]))
        and v.facility_id in (
            select named.facility_id from source_hospital.star_dim_facility as named
            where named.batch_id = any('{}'::bigint[])
        )
    order by
        v.facility_id,
        b.newness desc, v.row_number desc
) as v
    on d.source_system = v.source_system and d.facility_id = v.facility_id
when
    matched and (d.is_inferred, d.facility_name, d.address, d.city, d.state, d.zipcode)
    is distinct from (false, v.facility_name, v.address, v.city, v.state, v.zipcode) then
    update set
        facility_name = v.facility_name,
        address = v.address,
        city = v.city,
        state = v.state,
        zipcode = v.zipcode,
        is_inferred = false
when not matched then
    insert (source_system, facility_id, facility_name, address, city, state, zipcode)
    values (v.source_system, v.facility_id, v.facility_name, v.address, v.city, v.state, v.zipcode);

-- star/inferred_member
-- A member of star.dim_facility for every id that fact_encounter names and no row has described yet. Its row is
-- completed in place: where history is kept, its only state holds always, as the first described one would.
-- Tables of their own, because a query can use several processes and an insert cannot, and because the planner can
-- choose to look members up where it knows how few they are.
create temp table named_member on commit drop as
select distinct f.facility_id
from source_hospital.star_fact_encounter as f
where
    f.batch_id = any('{}'::bigint[])
    and f.facility_id <> 'not applicable';  -- nor NULL

analyze named_member;

create temp table unknown_member on commit drop as
select n.facility_id
from named_member as n
where not exists (
    select 1 from star.dim_facility as d
    where d.source_system = 'hospital' and d.facility_id = n.facility_id
);

insert into star.dim_facility (
    source_system, facility_id, is_inferred
)
select
    'hospital' as source_system,
    facility_id,
    true as is_inferred
from unknown_member;

drop table named_member, unknown_member;

-- star/inferred_member
-- A member of star.dim_facility for every id that fact_procedure names and no row has described yet. Its row is
-- completed in place: where history is kept, its only state holds always, as the first described one would.
-- Tables of their own, because a query can use several processes and an insert cannot, and because the planner can
-- choose to look members up where it knows how few they are.
create temp table named_member on commit drop as
select distinct f.facility_id
from source_hospital.star_fact_procedure as f
where
    f.batch_id = any('{}'::bigint[])
    and f.facility_id <> 'not applicable';  -- nor NULL

analyze named_member;

create temp table unknown_member on commit drop as
select n.facility_id
from named_member as n
where not exists (
    select 1 from star.dim_facility as d
    where d.source_system = 'hospital' and d.facility_id = n.facility_id
);

insert into star.dim_facility (
    source_system, facility_id, is_inferred
)
select
    'hospital' as source_system,
    facility_id,
    true as is_inferred
from unknown_member;

drop table named_member, unknown_member;
