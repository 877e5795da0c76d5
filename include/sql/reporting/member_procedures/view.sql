{% from "reporting/sql/views/published.jinja" import published with context %}
select
    v.specialty,
    v.procedure_name,
    v.procedure_code,
    v.service_date,
    v.service_year,
    v.payer_name,
    v.patient_pseudonym,
    v.encounter_pseudonym,
    v.gender,
    v.age,
    v.city,
    v.state,
    v.zip,
    v.base_cost,
    v.length_minutes,
    v.specialty = security.bound_specialty() as is_own_specialty,
    v.as_of
from {{ published("member_procedures") }} as v
