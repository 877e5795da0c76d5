{% import "words.jinja" as words -%}
-- Every version of an appointment as the clinic network sent it, in the shape of star.fact_appointment. The latest of
-- each also has the appointment that replaced it.
--
-- A rescheduled appointment is replaced by the next one, whatever became of it, of the same patient with the same
-- provider, if that is at most 30 days later. No row says so, and there are follow-ups with another provider or later:
-- those stay unlinked rather than guessed. An appointment replaces at most one other, and can be rescheduled itself, so
-- that chains form.
{% import "order.jinja" as one_order -%}
with version as (
    select
        appointment.*,
        coalesce(listed.appointment_status, appointment.status) as appointment_status,
        coalesce(listed.counts_as, 'unknown') as counts_as,
        batch.load_number,
        row_number() over (
            partition by appointment.appointment_id
            order by {{ one_order.newest_first("appointment", "batch") }}
        ) = 1 as is_latest
    from source_clinic.appointments as appointment
    inner join landing.batch_order as batch on appointment.batch_id = batch.batch_id
    left join {{ words.listed("appointment_status") }} as listed
        on {{ words.spelled("appointment.status") }} = listed.folded
    where batch.state in ('checked', 'loaded')
),

latest as (
    select
        version.*,
        lead(version.appointment_id) over calendar as next_id,
        lead(version.scheduled_at) over calendar as next_at
    from version
    where version.is_latest
    window calendar as (
        partition by
            version.patient_id,
            version.provider_id,
            -- without a patient or provider there is no next one
            case when num_nulls(version.patient_id, version.provider_id) > 0 then version.appointment_id end
        order by version.scheduled_at, version.appointment_id
    )
),

-- A link also changes with the other appointments of the patient, and with those that are no longer the patient's: the
-- batch of them all that was loaded last brings the link.
calendar_change as (
    select
        version.patient_id,
        max(array[latest.load_number, latest.batch_id]) as loaded_last
    from version
    inner join latest on version.appointment_id = latest.appointment_id
    group by version.patient_id
)

select
    'clinic' as source_system,
    version.appointment_id,
    version.patient_id,
    version.provider_id,
    case version.clinic_location
        when 'Telehealth Hub' then 'not applicable' else version.clinic_location
    end as facility_id,
    (version.scheduled_at at time zone 'UTC')::date as service_date,
    version.scheduled_at,
    -- a word outside the list stays as it is, and counts as unknown: as none of the four
    version.appointment_status,
    (version.counts_as = 'completed')::integer::smallint as completed_count,
    (version.counts_as = 'cancelled')::integer::smallint as cancelled_count,
    (version.counts_as = 'no-show')::integer::smallint as no_show_count,
    (version.counts_as = 'rescheduled')::integer::smallint as rescheduled_count,
    case
        when version.counts_as = 'rescheduled' and latest.next_at <= version.scheduled_at + interval '30 days'
            then latest.next_id
    end as replaced_by_id,
    case
        when version.is_latest and version.counts_as = 'rescheduled'
            then (greatest(array[version.load_number, version.batch_id], calendar_change.loaded_last))[2]
        else version.batch_id
    end as batch_id,
    version.row_number
from version
left join latest on version.appointment_id = latest.appointment_id and version.is_latest
left join calendar_change on version.patient_id = calendar_change.patient_id
