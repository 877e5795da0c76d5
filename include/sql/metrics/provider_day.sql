-- Grain: a provider and a day on which it had a visit or an appointment. All who took part in a visit
-- spent its minutes; where nobody listed who did, the visit's own provider.
create view metrics.provider_day with (security_invoker = true) as
with spent as (
    select
        b.source_system,
        b.provider_key,
        e.service_date_key,
        e.length_minutes
    from star.bridge_visit_provider as b
    inner join star.fact_encounter as e
        on b.source_system = e.source_system and b.encounter_id = e.encounter_id
    union all
    select
        e.source_system,
        e.provider_key,
        e.service_date_key,
        e.length_minutes
    from star.fact_encounter as e
    where
        e.appointment_id is not null
        and not exists (
            select 1
            from star.bridge_visit_provider as b
            where b.source_system = e.source_system and b.encounter_id = e.encounter_id
        )
    union all
    select
        a.source_system,
        a.provider_key,
        a.service_date_key,
        0 as length_minutes
    from star.fact_appointment as a
)

select
    source_system,
    provider_key,
    service_date_key,
    coalesce(sum(length_minutes), 0) as visit_minutes
from spent
where provider_key > 0 and service_date_key > 0
group by source_system, provider_key, service_date_key;

comment on view metrics.provider_day is
'Grain: a provider and a day on which it had a visit or an appointment, with the minutes of its visits';
