{% from "macros.jinja" import reader %}
-- Every appointment with whose it was and what came of it: for senior management alone.
create view reporting.identified_appointments with (security_barrier) as
select
    f.source_system,
    f.appointment_id,
    f.service_date,
    f.scheduled_at,
    p.appointment_status,
    f.replaced_by_id,
    d.patient_id,
    d.first_name,
    d.last_name,
    d.age_group,
    d.gender,
    d.payer_type,
    d.city,
    d.state,
    v.provider_id,
    coalesce(v.provider_name, nullif(concat_ws(' ', v.first_name, v.last_name), '')) as provider_name,
    v.specialty as provider_specialty,
    l.facility_name,
    e.encounter_id,
    e.length_minutes,
    e.total_claim_cost as billed_amount,
    a.as_of
from star.fact_appointment as f
inner join star.dim_appointment_profile as p on f.appointment_profile_key = p.appointment_profile_key
inner join star.dim_patient as d on f.patient_key = d.patient_key
inner join star.dim_provider as v on f.provider_key = v.provider_key
inner join star.dim_facility as l on f.facility_key = l.facility_key
inner join {{ reader("identified_appointments", "identified") }}
left join star.fact_encounter as e on f.source_system = e.source_system and f.appointment_id = e.appointment_id
left join security.data_as_of as a on f.source_system = a.source_system;

comment on view reporting.identified_appointments is 'Appointments in detail';
comment on column reporting.identified_appointments.source_system is 'Where it was made';
comment on column reporting.identified_appointments.appointment_id is 'The source''s own number of the appointment';
comment on column reporting.identified_appointments.service_date is 'The day it was scheduled for';
comment on column reporting.identified_appointments.scheduled_at is 'The time it was scheduled for (UTC)';
comment on column reporting.identified_appointments.appointment_status is
'COMPLETED, CANCELLED, NO_SHOW or RESCHEDULED';
comment on column reporting.identified_appointments.replaced_by_id is
'The appointment that took the place of a rescheduled one, where that could be told';
comment on column reporting.identified_appointments.patient_id is 'The source''s own number of the patient';
comment on column reporting.identified_appointments.first_name is 'The patient''s first name';
comment on column reporting.identified_appointments.last_name is 'The patient''s last name';
comment on column reporting.identified_appointments.age_group is 'The patient''s age group, as the source gives it';
comment on column reporting.identified_appointments.gender is 'M is male, F is female';
comment on column reporting.identified_appointments.payer_type is 'The kind of insurance the patient had at the time';
comment on column reporting.identified_appointments.city is 'Where the patient lived at the time';
comment on column reporting.identified_appointments.state is 'The state of that city';
comment on column reporting.identified_appointments.provider_id is 'The source''s own number of the provider';
comment on column reporting.identified_appointments.provider_name is 'Whom the appointment was with';
comment on column reporting.identified_appointments.provider_specialty is 'What the provider practises';
comment on column reporting.identified_appointments.facility_name is 'The clinic; empty for care from afar';
comment on column reporting.identified_appointments.encounter_id is
'The visit that came of it; an appointment with two visits has two rows';
comment on column reporting.identified_appointments.length_minutes is 'How long the visit took, in minutes';
comment on column reporting.identified_appointments.billed_amount is 'What was billed for it, in dollars';
comment on column reporting.identified_appointments.as_of is 'When the appointments were last loaded (UTC)';
