-- Grain: a provider and a day, with the minutes of its visits and those it was available. All who took part in
-- a visit spent its minutes; where nobody listed who did, the visit's own provider. Available is every provider
-- of a source with appointments, on every working day from the first to the last of the source's calendar, for
-- the minutes that include/reference/provider_capacity.csv gives its specialty, or else the default.
create view metrics.provider_day with (security_invoker = true) as
with spent as (
    select
        b.source_system,
        b.provider_key,
        e.service_date_key,
        e.length_minutes as visit_minutes
    from star.bridge_visit_provider as b
    inner join star.fact_encounter as e
        on b.source_system = e.source_system and b.encounter_id = e.encounter_id
    union all
    select
        e.source_system,
        e.provider_key,
        e.service_date_key,
        e.length_minutes as visit_minutes
    from star.fact_encounter as e
    where
        e.appointment_id is not null
        and not exists (
            select 1
            from star.bridge_visit_provider as b
            where b.source_system = e.source_system and b.encounter_id = e.encounter_id
        )
),

calendar as (
    select
        a.source_system,
        min(a.service_date_key) as first_key,
        max(a.service_date_key) as last_key
    from star.fact_appointment as a
    where a.service_date_key > 0
    group by a.source_system
),

available as (
    select
        p.source_system,
        p.provider_key,
        d.date_key as service_date_key,
        coalesce(own.available_minutes_a_workday, usual.available_minutes_a_workday)::integer as available_minutes
    from calendar as c
    inner join star.dim_provider as p on c.source_system = p.source_system
    inner join star.dim_date as d
        on
            d.date_key between c.first_key and c.last_key
            and p.valid_from <= d.date
            and p.valid_to > d.date
            and d.is_working_day
    inner join reference.provider_capacity as usual on usual.specialty = 'default'
    left join reference.provider_capacity as own on p.specialty = own.specialty
)

select
    source_system,
    provider_key,
    service_date_key,
    sum(visit_minutes) as visit_minutes,
    sum(available_minutes) as available_minutes
from (
    select
        source_system,
        provider_key,
        service_date_key,
        coalesce(visit_minutes, 0) as visit_minutes,
        0 as available_minutes
    from spent
    where provider_key > 0 and service_date_key > 0
    union all
    select
        source_system,
        provider_key,
        service_date_key,
        0 as visit_minutes,
        available_minutes
    from available
) as both_sides
group by source_system, provider_key, service_date_key;

comment on view metrics.provider_day is
'Grain: a provider and a day, with the minutes of its visits and those it was available';
