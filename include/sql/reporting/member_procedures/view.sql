{% from "macros.jinja" import age, from_level, pseudonym, reader, zip %}
-- The procedures the caller is entitled to: of an insurer, those of its own members.
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
comment on column reporting.member_procedures.specialty is 'The specialty the procedure belongs to';
comment on column reporting.member_procedures.procedure_name is 'What was done';
comment on column reporting.member_procedures.procedure_code is 'Its SNOMED CT code';
comment on column reporting.member_procedures.service_date is 'The day on which it was done (UTC)';
comment on column reporting.member_procedures.service_year is 'The year in which it was done';
comment on column reporting.member_procedures.payer_name is 'The insurer of the encounter';
comment on column reporting.member_procedures.patient_pseudonym is
'Stands for the patient: the same in every extract of yours, different from every other reader''s';
comment on column reporting.member_procedures.encounter_pseudonym is
'Stands for the encounter: the same in every extract of yours, different from every other reader''s';
comment on column reporting.member_procedures.gender is 'M is male, F is female';
comment on column reporting.member_procedures.age is
'The patient''s age in years on that day; below the level limited 90 stands for 90 and more';
comment on column reporting.member_procedures.city is 'Where the patient lived on that day';
comment on column reporting.member_procedures.state is 'The state of that city';
comment on column reporting.member_procedures.zip is
'The ZIP code; below the level limited its first three digits, 000 where few people live';
comment on column reporting.member_procedures.base_cost is 'What the procedure cost, in dollars';
comment on column reporting.member_procedures.length_minutes is 'How long it took, in minutes';
comment on column reporting.member_procedures.is_own_specialty is
'Whether it is of the specialty of the person who asks';
comment on column reporting.member_procedures.as_of is 'When the procedures were last loaded (UTC)';
