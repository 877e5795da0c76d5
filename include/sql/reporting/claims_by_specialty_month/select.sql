{% from "macros.jinja" import fact, pseudonym with context %}
-- Privacy level limited (45 CFR 164.514(e)): dates and cities, no names, streets or identifiers.
-- fact() selects the audience's claims; this column list does the masking.
select
    f.source_system,
    f.claim_id,
    p.specialty as provider_specialty,
    date_trunc('month', f.service_date)::date as service_month,
    f.service_date as date_of_service,
    {{ pseudonym("'claim'", "f.source_system", "f.claim_id") }} as claim_pseudonym,
    case
        when d.patient_key > 0
            then {{ pseudonym("'patient'", "d.source_system", "d.patient_id") }}
    end as patient_pseudonym,
    d.city as patient_city,
    d.state as patient_state,
    c.visit_type,
    c.coverage_type as coverage_percent,
    f.total_cost,
    f.covered_amount,
    c.is_billed
from {{ fact("fact_claim") }} as f
inner join star.dim_provider as p on f.provider_key = p.provider_key
inner join star.dim_patient as d on f.patient_key = d.patient_key
inner join star.dim_claim_profile as c on f.claim_profile_key = c.claim_profile_key
