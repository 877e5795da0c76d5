-- star/scd2_dimension
-- Fills star.dim_patient (SCD2: one row for each state) from the load's batches: what is in timeline and
-- not in known. Only differences are written, so surrogate keys stay and a repeat writes nothing.


-- One batch into an empty dimension: each member has one version, which holds always.
insert into star.dim_patient (
    source_system, patient_id, first_name, last_name, birth_date, address, city, state, zipcode, death_date, county, gender, race, ethnicity, marital_status, 
    valid_from, valid_to, is_current, row_hash, batch_id
)
select
    v.source_system,
    v.patient_id,
    v.first_name,
    v.last_name,
    v.birth_date,
    v.address,
    v.city,
    v.state,
    v.zipcode,
    v.death_date,
    v.county,
    v.gender,
    v.race,
    v.ethnicity,
    v.marital_status,
    date '1900-01-01' as valid_from,
    date '9999-12-31' as valid_to,
    true as is_current,
    md5(row(
        v.first_name, v.last_name, v.birth_date, v.address, v.city, v.state, v.zipcode, v.death_date, v.county, v.gender, v.race, v.ethnicity, v.marital_status
    )::text)::uuid as row_hash,
    v.batch_id
from source_hospital.star_dim_patient as v
where v.batch_id = any('{}'::bigint[]) and v.patient_id is not null
order by v.patient_id;

-- star/inferred_member
-- A member of star.dim_patient for every id that fact_encounter names and no row has described yet. Its row is
-- completed in place: where history is kept, its only state holds always, as the first described one would.
-- Tables of their own, because a query can use several processes and an insert cannot, and because the planner can
-- choose to look members up where it knows how few they are.
create temp table named_member on commit drop as
select distinct f.patient_id
from source_hospital.star_fact_encounter as f
where
    f.batch_id = any('{}'::bigint[])
    and f.patient_id <> 'not applicable';  -- nor NULL

analyze named_member;

create temp table unknown_member on commit drop as
select n.patient_id
from named_member as n
where not exists (
    select 1 from star.dim_patient as d
    where d.source_system = 'hospital' and d.patient_id = n.patient_id
);

insert into star.dim_patient (
    source_system, patient_id, is_inferred, valid_from, valid_to, is_current
)
select
    'hospital' as source_system,
    patient_id,
    true as is_inferred,
    date '1900-01-01' as valid_from,
    date '9999-12-31' as valid_to,
    true as is_current
from unknown_member;

drop table named_member, unknown_member;

-- star/inferred_member
-- A member of star.dim_patient for every id that fact_procedure names and no row has described yet. Its row is
-- completed in place: where history is kept, its only state holds always, as the first described one would.
-- Tables of their own, because a query can use several processes and an insert cannot, and because the planner can
-- choose to look members up where it knows how few they are.
create temp table named_member on commit drop as
select distinct f.patient_id
from source_hospital.star_fact_procedure as f
where
    f.batch_id = any('{}'::bigint[])
    and f.patient_id <> 'not applicable';  -- nor NULL

analyze named_member;

create temp table unknown_member on commit drop as
select n.patient_id
from named_member as n
where not exists (
    select 1 from star.dim_patient as d
    where d.source_system = 'hospital' and d.patient_id = n.patient_id
);

insert into star.dim_patient (
    source_system, patient_id, is_inferred, valid_from, valid_to, is_current
)
select
    'hospital' as source_system,
    patient_id,
    true as is_inferred,
    date '1900-01-01' as valid_from,
    date '9999-12-31' as valid_to,
    true as is_current
from unknown_member;

drop table named_member, unknown_member;
