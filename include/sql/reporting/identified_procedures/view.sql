-- Every procedure with its patient. For senior management only.
select
    f.source_system,
    f.encounter_id,
    f.service_date,
    p.specialty,
    p.procedure_id,
    p.procedure_name,
    f.is_restricted,
    d.patient_id,
    d.first_name,
    d.last_name,
    d.birth_date,
    d.gender,
    d.city,
    d.state,
    y.payer_name,
    f.base_cost,
    f.length_minutes,
    a.as_of
from star.fact_procedure as f
left join star.dim_procedure as p on f.procedure_key = p.procedure_key
left join star.dim_patient as d on f.patient_key = d.patient_key
left join star.dim_payer as y on f.payer_key = y.payer_key
left join security.data_as_of as a on f.source_system = a.source_system
