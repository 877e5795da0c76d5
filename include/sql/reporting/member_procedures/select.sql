{% from "macros.jinja" import age, fact, from_level, pseudonym, zip with context %}
-- The procedures that the caller is entitled to: for an insurer, those of its own members.
select
    f.source_system,
    f.encounter_id,
    f.procedure_id,
    f.started_at,
    p.specialty,
    p.procedure_name,
    p.procedure_id as procedure_code,
    {{ from_level("limited", "f.service_date") }} as service_date,
    extract(year from f.service_date)::integer as service_year,
    y.payer_name,
    case
        when d.patient_key > 0
            then {{ pseudonym("'patient'", "d.source_system", "d.patient_id") }}
    end as patient_pseudonym,
    {{ pseudonym("'encounter'", "f.source_system", "f.encounter_id") }} as encounter_pseudonym,
    d.gender,
    {{ age("d.birth_date", "f.service_date") }} as age,
    {{ from_level("limited", "d.city") }} as city,
    d.state,
    {{ zip("d.zipcode") }} as zip,
    f.base_cost,
    f.length_minutes
from {{ fact("fact_procedure") }} as f
inner join star.dim_procedure as p on f.procedure_key = p.procedure_key
inner join star.dim_payer as y on f.payer_key = y.payer_key
inner join star.dim_patient as d on f.patient_key = d.patient_key
