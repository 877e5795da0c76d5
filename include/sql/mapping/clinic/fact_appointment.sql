-- Each appointment in its latest state, in the shape of star.fact_appointment.
--
-- What took the place of a rescheduled appointment: the next one, whatever became of it, of the same
-- patient with the same provider, if it was at most 30 days later. No row says so, and follow-ups with
-- another provider or later than that exist: those stay unlinked rather than guessed. One appointment
-- takes the place of at most one other, and may itself be rescheduled, so that chains form.
with latest as (
    select
        appointment.*,
        lead(appointment.appointment_id) over calendar as next_id,
        lead(appointment.scheduled_at) over calendar as next_at
    from source_clinic.appointments_current as appointment
    -- those without a patient or provider follow nobody's
    window calendar as (
        partition by
            appointment.patient_id,
            appointment.provider_id,
            case when num_nulls(appointment.patient_id, appointment.provider_id) > 0 then appointment.appointment_id end
        order by appointment.scheduled_at, appointment.appointment_id
    )
),

-- A link also changes with the other appointments of the patient, and with those that are no longer the
-- patient's: the newest batch of them all is the one that brings the link.
calendar_change as (
    select
        version.patient_id,
        max(latest.batch_id) as batch_id
    from source_clinic.appointments as version
    inner join latest on version.appointment_id = latest.appointment_id
    group by version.patient_id
)

select
    'clinic' as source_system,
    latest.appointment_id,
    latest.patient_id,
    latest.provider_id,
    case latest.clinic_location
        when 'Telehealth Hub' then 'not applicable' else latest.clinic_location
    end as facility_id,
    (latest.scheduled_at at time zone 'UTC')::date as service_date,
    latest.scheduled_at,
    latest.status as appointment_status,
    (latest.status = 'COMPLETED')::integer::smallint as completed_count,
    (latest.status = 'CANCELLED')::integer::smallint as cancelled_count,
    (latest.status = 'NO_SHOW')::integer::smallint as no_show_count,
    (latest.status = 'RESCHEDULED')::integer::smallint as rescheduled_count,
    case
        when latest.status = 'RESCHEDULED' and latest.next_at <= latest.scheduled_at + interval '30 days'
            then latest.next_id
    end as replaced_by_id,
    case
        when latest.status = 'RESCHEDULED' then greatest(latest.batch_id, calendar_change.batch_id)
        else latest.batch_id
    end as batch_id,
    latest.row_number
from latest
left join calendar_change on latest.patient_id = calendar_change.patient_id
