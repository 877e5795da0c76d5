-- Every appointment with its patient, provider and visit. For senior management only.
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
left join star.dim_appointment_profile as p on f.appointment_profile_key = p.appointment_profile_key
left join star.dim_patient as d on f.patient_key = d.patient_key
left join star.dim_provider as v on f.provider_key = v.provider_key
left join star.dim_facility as l on f.facility_key = l.facility_key
left join star.fact_encounter as e on f.source_system = e.source_system and f.appointment_id = e.appointment_id
left join security.data_as_of as a on f.source_system = a.source_system
