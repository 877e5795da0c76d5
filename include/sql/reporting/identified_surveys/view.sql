-- Every survey answer with its patient and provider. For senior management only.
select
    f.source_system,
    f.encounter_id,
    f.service_date,
    f.satisfaction_score,
    f.has_comment,
    d.patient_id,
    d.first_name,
    d.last_name,
    d.age_group,
    d.gender,
    d.payer_type,
    v.provider_id,
    coalesce(v.provider_name, nullif(concat_ws(' ', v.first_name, v.last_name), '')) as provider_name,
    v.specialty as provider_specialty,
    l.facility_name,
    a.as_of
from star.fact_survey as f
left join star.dim_patient as d on f.patient_key = d.patient_key
left join star.dim_provider as v on f.provider_key = v.provider_key
left join star.dim_facility as l on f.facility_key = l.facility_key
left join security.data_as_of as a on f.source_system = a.source_system
