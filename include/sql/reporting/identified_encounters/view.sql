-- Every encounter with its patient. For senior management only.
select
    f.source_system,
    f.encounter_id,
    f.service_date,
    f.specialty,
    f.is_restricted,
    e.encounter_class,
    e.modality,
    d.patient_id,
    d.first_name,
    d.last_name,
    d.birth_date,
    d.gender,
    d.city,
    d.state,
    y.payer_name,
    l.facility_name,
    f.base_cost,
    f.total_claim_cost,
    f.payer_coverage,
    f.patient_share,
    f.length_minutes,
    a.as_of
from star.fact_encounter as f
left join star.dim_patient as d on f.patient_key = d.patient_key
left join star.dim_payer as y on f.payer_key = y.payer_key
left join star.dim_facility as l on f.facility_key = l.facility_key
left join star.dim_encounter_profile as e on f.encounter_profile_key = e.encounter_profile_key
left join security.data_as_of as a on f.source_system = a.source_system
