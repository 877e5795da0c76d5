-- star/timeline
-- Two tables of the load's members of star.dim_patient: timeline, computed from all their source rows, and
-- known, what the star holds so far. Effective dates: docs/decisions/0001-scd2-effective-dates.md
create temp table touched on commit drop as
select distinct patient_id
from source_hospital.star_dim_patient
where batch_id = any('{}'::bigint[]) and patient_id is not null;

analyze touched;

-- Every window runs from the newest version to the oldest, so that one sort serves all: lead() is the version
-- before, lag() the one after.
create temp table timeline on commit drop as
with version as (
    select
        v.*,
        null::date as version_at,
        null::date as started_on,
        null::date as modified_on,
        b.received_date,
        b.newness,
        md5(row(
            v.first_name, v.last_name, v.birth_date, v.address, v.city, v.state, v.zipcode, v.death_date, v.county, v.gender, v.race, v.ethnicity, v.marital_status
        )::text)::uuid as row_hash
    from source_hospital.star_dim_patient as v
    inner join touched as t on v.patient_id = t.patient_id
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    where b.state = 'loaded' or b.batch_id = any('{}'::bigint[])
),

dated as (
    select
        *,
        case
            when lead(patient_id) over newest_first is null then date '1900-01-01'
            else greatest(
                coalesce(
                    case
                        when started_on is distinct from lead(started_on) over newest_first
                            then started_on
                    end,
                    modified_on,
                    received_date
                ),
                date '1900-01-01'
            )
        end as takes_effect_on
    from version
    window newest_first as (
        partition by version.patient_id order by version.newness desc, version.row_number desc
    )
),

-- A later version holds from its own date on, whatever earlier versions said about the days after.
overridden as (
    select
        *,
        min(takes_effect_on) over newest_first as valid_from
    from dated
    window newest_first as (
        partition by dated.patient_id order by dated.newness desc, dated.row_number desc
    )
),

bounded as (
    select
        *,
        lag(valid_from, 1, date '9999-12-31') over newest_first as valid_to
    from overridden
    window newest_first as (
        partition by overridden.patient_id order by overridden.newness desc, overridden.row_number desc
    )
),

-- Drop versions that hold on no day; merge equal neighbors into the first.
distinct_state as (
    select
        b.*,
        coalesce(b.row_hash <> lead(b.row_hash) over newest_first, true) as is_change
    from bounded as b
    where b.valid_from < b.valid_to
    window newest_first as (
        partition by b.patient_id order by b.newness desc, b.row_number desc
    )
)

select
    s.source_system,
    s.patient_id,
    s.first_name,
    s.last_name,
    s.birth_date,
    s.address,
    s.city,
    s.state,
    s.zipcode,
    s.death_date,
    s.county,
    s.gender,
    s.race,
    s.ethnicity,
    s.marital_status,
    s.valid_from,
    lag(s.valid_from, 1, date '9999-12-31') over newest_first as valid_to,
    lag(s.valid_from) over newest_first is null as is_current,
    s.row_hash,
    s.batch_id
from distinct_state as s
where s.is_change
window newest_first as (
    partition by s.patient_id order by s.newness desc, s.row_number desc
);

create temp table known on commit drop as
select
    d.patient_key,
    d.patient_id,
    d.valid_from,
    d.valid_to,
    d.is_current,
    d.is_inferred,
    d.row_hash,
    d.batch_id
from star.dim_patient as d
where d.source_system = 'hospital' and d.patient_id in (select touched.patient_id from touched);

analyze timeline (patient_id, valid_from), known (patient_id, valid_from);

-- star/member_to_rekey
-- Fills star.member_to_rekey from timeline and known: members whose states get other bounds, of which facts may
-- have to move. A new state always changes the bounds of one that was there.
insert into star.member_to_rekey (source_system, dimension, member_id)
select distinct
    'hospital' as source_system,
    'dim_patient' as dimension,
    k.patient_id
from known as k
left join timeline as t
    on k.patient_id = t.patient_id and k.valid_from = t.valid_from
where
    (k.valid_to)
    is distinct from (t.valid_to)
on conflict do nothing;

-- star/scd2_dimension
-- Fills star.dim_patient (SCD2: one row for each state) from the load's batches: what is in timeline and
-- not in known. Only differences are written, so surrogate keys stay and a repeat writes nothing.


-- First the states that end: only one row of a member can be current at any moment. A state that is no longer
-- part of the timeline gets no length, and is removed once no fact points to it.
update star.dim_patient as d
set valid_to = coalesce(t.valid_to, d.valid_from), is_current = false
from known as k
left join timeline as t
    on k.patient_id = t.patient_id and k.valid_from = t.valid_from
where
    d.patient_key = k.patient_key
    and (
        (t.patient_id is null and (k.is_current or k.valid_from < k.valid_to))
        or (k.is_current and not t.is_current)
    );

update star.dim_patient as d
set
    first_name = t.first_name,
    last_name = t.last_name,
    birth_date = t.birth_date,
    address = t.address,
    city = t.city,
    state = t.state,
    zipcode = t.zipcode,
    death_date = t.death_date,
    county = t.county,
    gender = t.gender,
    race = t.race,
    ethnicity = t.ethnicity,
    marital_status = t.marital_status,
    valid_to = t.valid_to,
    is_current = t.is_current,
    is_inferred = false,
    row_hash = t.row_hash,
    batch_id = t.batch_id
from known as k
inner join timeline as t
    on k.patient_id = t.patient_id and k.valid_from = t.valid_from
where
    d.patient_key = k.patient_key
    and (
        (k.row_hash, k.batch_id)
        is distinct from (t.row_hash, t.batch_id)
        -- the end of the state that was current has just been written
        or ((k.valid_to, k.is_current) <> (t.valid_to, t.is_current) and k.is_current <= t.is_current)
    );

insert into star.dim_patient (
    source_system, patient_id, first_name, last_name, birth_date, address, city, state, zipcode, death_date, county, gender, race, ethnicity, marital_status, 
    valid_from, valid_to, is_current, row_hash, batch_id
)
select
    t.source_system,
    t.patient_id,
    t.first_name,
    t.last_name,
    t.birth_date,
    t.address,
    t.city,
    t.state,
    t.zipcode,
    t.death_date,
    t.county,
    t.gender,
    t.race,
    t.ethnicity,
    t.marital_status,
    t.valid_from,
    t.valid_to,
    t.is_current,
    t.row_hash,
    t.batch_id
from timeline as t
left join known as k
    on t.patient_id = k.patient_id and t.valid_from = k.valid_from
where k.patient_id is null
order by t.patient_id, t.valid_from;

drop table touched, timeline, known;

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
