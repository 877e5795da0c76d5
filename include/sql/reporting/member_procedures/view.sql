{% from "macros.jinja" import age, from_level, pseudonym, reader, zip %}
-- The procedures that the caller is entitled to: for an insurer, those of its own members.
create view reporting.member_procedures with (security_barrier) as
select
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
    f.length_minutes,
    p.specialty = r.specialty as is_own_specialty,
    a.as_of
from star.fact_procedure as f
inner join star.dim_procedure as p on f.procedure_key = p.procedure_key
inner join star.dim_payer as y on f.payer_key = y.payer_key
inner join star.dim_patient as d on f.patient_key = d.patient_key
inner join {{ reader("member_procedures", "safe_harbor") }}
left join security.data_as_of as a on f.source_system = a.source_system;

comment on view reporting.member_procedures is 'Procedures of your members';
