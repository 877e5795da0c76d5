{% from "macros.jinja" import reader %}
-- Every encounter with who it was: for senior management alone.
create view reporting.identified_encounters with (security_barrier) as
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
inner join star.dim_patient as d on f.patient_key = d.patient_key
inner join star.dim_payer as y on f.payer_key = y.payer_key
inner join star.dim_facility as l on f.facility_key = l.facility_key
inner join star.dim_encounter_profile as e on f.encounter_profile_key = e.encounter_profile_key
inner join {{ reader("identified_encounters", "identified") }}
left join security.data_as_of as a on f.source_system = a.source_system;

comment on view reporting.identified_encounters is 'Encounters in detail';
comment on column reporting.identified_encounters.source_system is 'Where the patient was helped';
comment on column reporting.identified_encounters.encounter_id is
'The source''s own number of the encounter or visit';
comment on column reporting.identified_encounters.service_date is 'The day on which it began (UTC)';
comment on column reporting.identified_encounters.specialty is 'What it was about';
comment on column reporting.identified_encounters.is_restricted is
'Whether only those entitled to the specialty may see it';
comment on column reporting.identified_encounters.encounter_class is 'Ambulatory, inpatient, emergency, virtual, ...';
comment on column reporting.identified_encounters.modality is 'Telehealth or in person';
comment on column reporting.identified_encounters.patient_id is 'The source''s own number of the patient';
comment on column reporting.identified_encounters.first_name is 'The patient''s first name';
comment on column reporting.identified_encounters.last_name is 'The patient''s last name';
comment on column reporting.identified_encounters.birth_date is 'The patient''s day of birth';
comment on column reporting.identified_encounters.gender is 'M is male, F is female';
comment on column reporting.identified_encounters.city is 'Where the patient lived on that day';
comment on column reporting.identified_encounters.state is 'The state of that city';
comment on column reporting.identified_encounters.payer_name is 'The insurer of the encounter';
comment on column reporting.identified_encounters.facility_name is 'The hospital or clinic';
comment on column reporting.identified_encounters.base_cost is 'The cost of the encounter itself, in dollars';
comment on column reporting.identified_encounters.total_claim_cost is
'What the encounter cost with all that was done, in dollars';
comment on column reporting.identified_encounters.payer_coverage is 'What the insurer covered of it, in dollars';
comment on column reporting.identified_encounters.patient_share is 'What was left to the patient, in dollars';
comment on column reporting.identified_encounters.length_minutes is 'How long it took, in minutes';
comment on column reporting.identified_encounters.as_of is 'When the encounters were last loaded (UTC)';
