{% from "macros.jinja" import reader %}
-- Every answer with whose it was and about whom: for senior management alone.
create view reporting.identified_surveys with (security_barrier) as
select
    f.source_system,
    f.encounter_id,
    f.service_date,
    f.satisfaction_score,
    f.has_comment,
    d.patient_id,
    d.first_name,
    d.last_name,
    d.age_group,
    d.gender,
    d.payer_type,
    v.provider_id,
    coalesce(v.provider_name, nullif(concat_ws(' ', v.first_name, v.last_name), '')) as provider_name,
    v.specialty as provider_specialty,
    l.facility_name,
    a.as_of
from star.fact_survey as f
inner join star.dim_patient as d on f.patient_key = d.patient_key
inner join star.dim_provider as v on f.provider_key = v.provider_key
inner join star.dim_facility as l on f.facility_key = l.facility_key
inner join {{ reader("identified_surveys", "identified") }}
left join security.data_as_of as a on f.source_system = a.source_system;

comment on view reporting.identified_surveys is 'Satisfaction in detail';
comment on column reporting.identified_surveys.source_system is 'Where it was asked';
comment on column reporting.identified_surveys.encounter_id is 'The visit the answer is about';
comment on column reporting.identified_surveys.service_date is 'The day of the visit';
comment on column reporting.identified_surveys.satisfaction_score is '1 is bad, 5 is good';
comment on column reporting.identified_surveys.has_comment is 'Whether the patient also wrote something';
comment on column reporting.identified_surveys.patient_id is 'The source''s own number of the patient';
comment on column reporting.identified_surveys.first_name is 'The patient''s first name';
comment on column reporting.identified_surveys.last_name is 'The patient''s last name';
comment on column reporting.identified_surveys.age_group is 'The patient''s age group, as the source gives it';
comment on column reporting.identified_surveys.gender is 'M is male, F is female';
comment on column reporting.identified_surveys.payer_type is 'The kind of insurance the patient had at the time';
comment on column reporting.identified_surveys.provider_id is 'The source''s own number of the provider';
comment on column reporting.identified_surveys.provider_name is 'Whose visit it was';
comment on column reporting.identified_surveys.provider_specialty is 'What the provider practises';
comment on column reporting.identified_surveys.facility_name is 'The clinic; empty for care from afar';
comment on column reporting.identified_surveys.as_of is 'When the answers were last loaded (UTC)';
