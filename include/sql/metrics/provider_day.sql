{% from "metrics/fact.jinja" import fact with context %}
{% import "star/sql/history.jinja" as history %}
-- Grain: a provider and a day, with the minutes of its visits and the minutes it was available. Everybody who took
-- part in a visit spent its minutes; where nobody is listed, the visit's own provider did. Every provider of a source
-- system with appointments is available on every working day from the first to the last appointment, for the minutes
-- that include/reference/provider_capacity.csv gives its specialty, or else the default.
with spent as (
    select
        b.source_system,
        b.provider_key,
        e.service_date_key,
        e.length_minutes as visit_minutes
    from {{ fact("bridge_visit_provider") }} as b
    inner join {{ fact("fact_encounter") }} as e
        on b.source_system = e.source_system and b.encounter_id = e.encounter_id
    union all
    select
        e.source_system,
        e.provider_key,
        e.service_date_key,
        e.length_minutes as visit_minutes
    from {{ fact("fact_encounter") }} as e
    where
        e.appointment_id is not null
        and not exists (
            select 1
            from {{ fact("bridge_visit_provider") }} as b
            where b.source_system = e.source_system and b.encounter_id = e.encounter_id
        )
),

calendar as (
    select
        a.source_system,
        min(a.service_date_key) as first_key,
        max(a.service_date_key) as last_key
    from {{ fact("fact_appointment") }} as a
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
            and {{ history.holds_on("p", "d.date") }}
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
group by source_system, provider_key, service_date_key
