-- star/timeline
-- Two tables of the load's members of star.dim_provider: timeline, computed from all their source rows, and
-- known, what the star holds so far. Effective dates: docs/decisions/0001-scd2-effective-dates.md
create temp table touched on commit drop as
select distinct provider_id
from source_billing.star_dim_provider
where batch_id = any('{}'::bigint[]) and provider_id is not null;

analyze touched;

-- Every window runs from the newest version to the oldest, so that one sort serves all: lead() is the version
-- before, lag() the one after.
create temp table timeline on commit drop as
with version as (
    select
        v.*,
        b.received_date,
        b.newness,
        md5(row(
            v.first_name, v.last_name, v.specialty, v.facility_name, v.address, v.city, v.state, v.zipcode, v.start_date, v.facility_id
        )::text)::uuid as row_hash
    from source_billing.star_dim_provider as v
    inner join touched as t on v.provider_id = t.provider_id
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    where b.state = 'loaded' or b.batch_id = any('{}'::bigint[])
),

dated as (
    select
        *,
        case
            when lead(provider_id) over newest_first is null then date '1900-01-01'
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
        partition by version.provider_id order by version.version_at desc nulls last, version.newness desc, version.row_number desc
    )
),

-- A later version holds from its own date on, whatever earlier versions said about the days after.
overridden as (
    select
        *,
        min(takes_effect_on) over newest_first as valid_from
    from dated
    window newest_first as (
        partition by dated.provider_id order by dated.version_at desc nulls last, dated.newness desc, dated.row_number desc
    )
),

bounded as (
    select
        *,
        lag(valid_from, 1, date '9999-12-31') over newest_first as valid_to
    from overridden
    window newest_first as (
        partition by overridden.provider_id order by overridden.version_at desc nulls last, overridden.newness desc, overridden.row_number desc
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
        partition by b.provider_id order by b.version_at desc nulls last, b.newness desc, b.row_number desc
    )
)

select
    s.source_system,
    s.provider_id,
    s.first_name,
    s.last_name,
    s.specialty,
    s.facility_name,
    s.address,
    s.city,
    s.state,
    s.zipcode,
    s.start_date,
    coalesce(facility.facility_key, -1) as facility_key,
    s.valid_from,
    lag(s.valid_from, 1, date '9999-12-31') over newest_first as valid_to,
    lag(s.valid_from) over newest_first is null as is_current,
    s.row_hash,
    s.batch_id
from distinct_state as s
left join star.dim_facility as facility
    on s.source_system = facility.source_system and s.facility_id = facility.facility_id
where s.is_change
window newest_first as (
    partition by s.provider_id order by s.version_at desc nulls last, s.newness desc, s.row_number desc
);

create temp table known on commit drop as
select
    d.provider_key,
    d.provider_id,
    d.valid_from,
    d.valid_to,
    d.is_current,
    d.is_inferred,
    d.row_hash,
    d.batch_id,
    d.facility_key
from star.dim_provider as d
where d.source_system = 'billing' and d.provider_id in (select touched.provider_id from touched);

analyze timeline (provider_id, valid_from), known (provider_id, valid_from);

-- star/member_to_rekey
-- Fills star.member_to_rekey from timeline and known: members whose states get other bounds, of which facts may
-- have to move. A new state always changes the bounds of one that was there.
insert into star.member_to_rekey (source_system, dimension, member_id)
select distinct
    'billing' as source_system,
    'dim_provider' as dimension,
    k.provider_id
from known as k
left join timeline as t
    on k.provider_id = t.provider_id and k.valid_from = t.valid_from
where
    (k.valid_to, k.facility_key)
    is distinct from (t.valid_to, t.facility_key)
on conflict do nothing;

-- star/scd2_dimension
-- Fills star.dim_provider (SCD2: one row for each state) from the load's batches: what is in timeline and
-- not in known. Only differences are written, so surrogate keys stay and a repeat writes nothing.


-- First the states that end: only one row of a member can be current at any moment. A state that is no longer
-- part of the timeline gets no length, and is removed once no fact points to it.
update star.dim_provider as d
set valid_to = coalesce(t.valid_to, d.valid_from), is_current = false
from known as k
left join timeline as t
    on k.provider_id = t.provider_id and k.valid_from = t.valid_from
where
    d.provider_key = k.provider_key
    and (
        (t.provider_id is null and (k.is_current or k.valid_from < k.valid_to))
        or (k.is_current and not t.is_current)
    );

update star.dim_provider as d
set
    first_name = t.first_name,
    last_name = t.last_name,
    specialty = t.specialty,
    facility_name = t.facility_name,
    address = t.address,
    city = t.city,
    state = t.state,
    zipcode = t.zipcode,
    start_date = t.start_date,
    facility_key = t.facility_key,
    valid_to = t.valid_to,
    is_current = t.is_current,
    is_inferred = false,
    row_hash = t.row_hash,
    batch_id = t.batch_id
from known as k
inner join timeline as t
    on k.provider_id = t.provider_id and k.valid_from = t.valid_from
where
    d.provider_key = k.provider_key
    and (
        (k.row_hash, k.batch_id, k.facility_key)
        is distinct from (t.row_hash, t.batch_id, t.facility_key)
        -- the end of the state that was current has just been written
        or ((k.valid_to, k.is_current) <> (t.valid_to, t.is_current) and k.is_current <= t.is_current)
    );

insert into star.dim_provider (
    source_system, provider_id, first_name, last_name, specialty, facility_name, address, city, state, zipcode, start_date, facility_key, 
    valid_from, valid_to, is_current, row_hash, batch_id
)
select
    t.source_system,
    t.provider_id,
    t.first_name,
    t.last_name,
    t.specialty,
    t.facility_name,
    t.address,
    t.city,
    t.state,
    t.zipcode,
    t.start_date,
    t.facility_key,
    t.valid_from,
    t.valid_to,
    t.is_current,
    t.row_hash,
    t.batch_id
from timeline as t
left join known as k
    on t.provider_id = k.provider_id and t.valid_from = k.valid_from
where k.provider_id is null
order by t.provider_id, t.valid_from;

drop table touched, timeline, known;

-- star/inferred_member
-- A member of star.dim_provider for every id that fact_claim names and no row has described yet. Its row is
-- completed in place: where history is kept, its only state holds always, as the first described one would.
-- Tables of their own, because a query can use several processes and an insert cannot, and because the planner can
-- choose to look members up where it knows how few they are.
create temp table named_member on commit drop as
select distinct f.provider_id
from source_billing.star_fact_claim as f
where
    f.batch_id = any('{}'::bigint[])
    and f.provider_id <> 'not applicable';  -- nor NULL

analyze named_member;

create temp table unknown_member on commit drop as
select n.provider_id
from named_member as n
where not exists (
    select 1 from star.dim_provider as d
    where d.source_system = 'billing' and d.provider_id = n.provider_id
);

insert into star.dim_provider (
    source_system, provider_id, is_inferred, valid_from, valid_to, is_current
)
select
    'billing' as source_system,
    provider_id,
    true as is_inferred,
    date '1900-01-01' as valid_from,
    date '9999-12-31' as valid_to,
    true as is_current
from unknown_member;

drop table named_member, unknown_member;
