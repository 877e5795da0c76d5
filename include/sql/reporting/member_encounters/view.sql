{% from "reporting/sql/views/published.jinja" import published with context %}
select
    v.specialty,
    v.specialty = security.bound_specialty() as is_own_specialty,
    v.encounter_class,
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
    v.total_claim_cost,
    v.payer_coverage,
    v.patient_share,
    v.length_minutes,
    v.as_of
from {{ published("member_encounters") }} as v
