{% from "macros.jinja" import reader %}
-- Every procedure with whose it was: for senior management alone.
create view reporting.identified_procedures with (security_barrier) as
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
inner join star.dim_procedure as p on f.procedure_key = p.procedure_key
inner join star.dim_patient as d on f.patient_key = d.patient_key
inner join star.dim_payer as y on f.payer_key = y.payer_key
inner join {{ reader("identified_procedures", "identified") }}
left join security.data_as_of as a on f.source_system = a.source_system;

comment on view reporting.identified_procedures is 'Procedures in detail';
comment on column reporting.identified_procedures.source_system is 'Where it was done';
comment on column reporting.identified_procedures.encounter_id is 'The encounter in which it was done';
comment on column reporting.identified_procedures.service_date is 'The day on which it was done (UTC)';
comment on column reporting.identified_procedures.specialty is 'The specialty the procedure belongs to';
comment on column reporting.identified_procedures.procedure_id is 'Its code';
comment on column reporting.identified_procedures.procedure_name is 'What was done';
comment on column reporting.identified_procedures.is_restricted is
'Whether only those entitled to the specialty may see it';
comment on column reporting.identified_procedures.patient_id is 'The source''s own number of the patient';
comment on column reporting.identified_procedures.first_name is 'The patient''s first name';
comment on column reporting.identified_procedures.last_name is 'The patient''s last name';
comment on column reporting.identified_procedures.birth_date is 'The patient''s day of birth';
comment on column reporting.identified_procedures.gender is 'M is male, F is female';
comment on column reporting.identified_procedures.city is 'Where the patient lived on that day';
comment on column reporting.identified_procedures.state is 'The state of that city';
comment on column reporting.identified_procedures.payer_name is 'The insurer of the encounter';
comment on column reporting.identified_procedures.base_cost is 'What the procedure cost, in dollars';
comment on column reporting.identified_procedures.length_minutes is 'How long it took, in minutes';
comment on column reporting.identified_procedures.as_of is 'When the procedures were last loaded (UTC)';
