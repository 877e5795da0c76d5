{% from "macros.jinja" import fact with context %}
-- Each clinic and payer type by quarter: sums, and the ratios of those sums. The word 'all' is the total over a
-- dimension, because ratios cannot be averaged. Counts are not suppressed: the readers are responsible for these
-- clinics and could not explain a hidden count.
with event as (
    select
        f.source_system,
        f.facility_key,
        f.patient_key,
        f.service_date_key,
        1 as appointments,
        f.completed_count as completed,
        f.cancelled_count as cancelled,
        f.no_show_count as no_shows,
        f.rescheduled_count as rescheduled,
        0 as visits,
        0 as billed_visits,
        0 as billed_amount,
        0 as timed_visits,
        0 as visit_minutes,
        0 as scores,
        0 as score_sum
    from {{ fact("fact_appointment") }} as f
    union all
    select
        f.source_system,
        f.facility_key,
        f.patient_key,
        f.service_date_key,
        0 as appointments,
        0 as completed,
        0 as cancelled,
        0 as no_shows,
        0 as rescheduled,
        1 as visits,
        num_nonnulls(f.total_claim_cost) as billed_visits,
        coalesce(f.total_claim_cost, 0) as billed_amount,
        num_nonnulls(f.length_minutes) as timed_visits,
        coalesce(f.length_minutes, 0) as visit_minutes,
        0 as scores,
        0 as score_sum
    from {{ fact("fact_encounter") }} as f
    where f.appointment_id is not null
    union all
    select
        f.source_system,
        f.facility_key,
        f.patient_key,
        f.service_date_key,
        0 as appointments,
        0 as completed,
        0 as cancelled,
        0 as no_shows,
        0 as rescheduled,
        0 as visits,
        0 as billed_visits,
        0 as billed_amount,
        0 as timed_visits,
        0 as visit_minutes,
        num_nonnulls(f.satisfaction_score) as scores,
        coalesce(f.satisfaction_score, 0) as score_sum
    from {{ fact("fact_survey") }} as f
),

located_event as (
    select
        h.source_system,
        t.year_quarter as quarter,
        date_trunc('quarter', t.date)::date as quarter_starts_on,
        t.date as day,
        case h.facility_key
            when -1 then 'unknown'
            when -2 then 'no clinic'
            else coalesce(l.facility_name, l.facility_id)
        end as clinic,
        coalesce(d.payer_type, 'unknown') as payer_type,
        h.appointments,
        h.completed,
        h.cancelled,
        h.no_shows,
        h.rescheduled,
        h.visits,
        h.billed_visits,
        h.billed_amount,
        h.timed_visits,
        h.visit_minutes,
        h.scores,
        h.score_sum
    from event as h
    inner join star.dim_date as t on h.service_date_key = t.date_key and t.date is not null
    inner join star.dim_facility as l on h.facility_key = l.facility_key
    inner join star.dim_patient as d on h.patient_key = d.patient_key
),

-- The newest quarter that is over: visits reach its last week. Appointments are made for days to come.
newest as (
    select
        q.source_system,
        coalesce(
            max(q.quarter_starts_on) filter (
                where q.newest_visit >= (q.quarter_starts_on + interval '3 months' - interval '7 days')::date
            ),
            max(q.quarter_starts_on)
        ) as quarter_starts_on
    from (
        select
            p.source_system,
            p.quarter_starts_on,
            max(max(p.day) filter (where p.visits > 0)) over (partition by p.source_system) as newest_visit
        from located_event as p
        group by p.source_system, p.quarter_starts_on
    ) as q
    group by q.source_system
),

performance as (
    select
        p.source_system,
        p.quarter,
        p.quarter_starts_on,
        coalesce(p.clinic, 'all') as clinic,
        coalesce(p.payer_type, 'all') as payer_type,
        sum(p.appointments)::bigint as appointments,
        sum(p.completed)::bigint as completed,
        sum(p.cancelled)::bigint as cancelled,
        sum(p.no_shows)::bigint as no_shows,
        sum(p.rescheduled)::bigint as rescheduled,
        sum(p.visits)::bigint as visits,
        sum(p.billed_visits)::bigint as billed_visits,
        sum(p.billed_amount) as billed_amount,
        sum(p.timed_visits)::bigint as timed_visits,
        sum(p.visit_minutes)::bigint as visit_minutes,
        sum(p.scores)::bigint as scores,
        sum(p.score_sum)::bigint as score_sum
    from located_event as p
    group by p.source_system, p.quarter, p.quarter_starts_on, cube (p.clinic, p.payer_type)
),

provider_day as (
    {% include "metrics/provider_day.sql" with context %}
),

-- A provider may work in several clinics on a day; all minutes count for the home clinic.
home as (
    select
        w.source_system,
        t.year_quarter as quarter,
        case
            when v.facility_key > 0 then coalesce(l.facility_name, l.facility_id)
            when v.facility_name is null then 'unknown'
            else 'no clinic'
        end as clinic,
        w.visit_minutes,
        w.available_minutes
    from provider_day as w
    inner join star.dim_date as t on w.service_date_key = t.date_key
    inner join star.dim_provider as v on w.provider_key = v.provider_key
    inner join star.dim_facility as l on v.facility_key = l.facility_key
),

utilization_of_clinic as (
    select
        h.source_system,
        h.quarter,
        coalesce(h.clinic, 'all') as clinic,
        sum(h.visit_minutes)::bigint as provider_minutes,
        sum(h.available_minutes)::bigint as available_minutes
    from home as h
    group by h.source_system, h.quarter, cube (h.clinic)
)

select
    p.source_system,
    p.quarter,
    p.quarter_starts_on,
    p.quarter_starts_on = n.quarter_starts_on as is_newest,
    p.clinic,
    p.payer_type,
    p.appointments,
    p.completed,
    p.cancelled,
    p.no_shows,
    p.rescheduled,
    round(p.completed::numeric / nullif(p.appointments, 0), 6) as completion_rate,
    round(p.cancelled::numeric / nullif(p.appointments, 0), 6) as cancellation_rate,
    round(p.no_shows::numeric / nullif(p.appointments, 0), 6) as no_show_rate,
    round(p.rescheduled::numeric / nullif(p.appointments, 0), 6) as reschedule_rate,
    p.visits,
    p.billed_amount,
    p.billed_visits,
    round(p.billed_amount / nullif(p.billed_visits, 0), 2) as billed_per_visit,
    p.visit_minutes,
    p.timed_visits,
    round(p.visit_minutes::numeric / nullif(p.timed_visits, 0), 2) as average_minutes,
    p.score_sum,
    p.scores,
    round(p.score_sum::numeric / nullif(p.scores, 0), 3) as average_satisfaction,
    u.provider_minutes,
    u.available_minutes,
    round(u.provider_minutes::numeric / nullif(u.available_minutes, 0), 6) as utilization
from performance as p
inner join newest as n on p.source_system = n.source_system
left join utilization_of_clinic as u
    on
        p.source_system = u.source_system and p.quarter = u.quarter
        and p.clinic = u.clinic and p.payer_type = 'all'
