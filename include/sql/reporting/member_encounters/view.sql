{% from "macros.jinja" import age, from_level, pseudonym, reader, zip %}
-- The encounters the caller is entitled to: of an insurer, those of its own members.
create view reporting.member_encounters with (security_barrier) as
select
    f.specialty,
    f.specialty = r.specialty as is_own_specialty,
    e.encounter_class,
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
    f.total_claim_cost,
    f.payer_coverage,
    f.patient_share,
    f.length_minutes,
    a.as_of
from star.fact_encounter as f
inner join star.dim_payer as y on f.payer_key = y.payer_key
inner join star.dim_patient as d on f.patient_key = d.patient_key
inner join star.dim_encounter_profile as e on f.encounter_profile_key = e.encounter_profile_key
inner join {{ reader("member_encounters", "safe_harbor") }}
left join security.data_as_of as a on f.source_system = a.source_system;

comment on view reporting.member_encounters is 'Encounters of your members';
comment on column reporting.member_encounters.specialty is 'What the encounter was about';
comment on column reporting.member_encounters.is_own_specialty is
'Whether that is the specialty of the person who asks';
comment on column reporting.member_encounters.encounter_class is 'Ambulatory, inpatient, emergency, ...';
comment on column reporting.member_encounters.service_date is 'The day on which it began (UTC)';
comment on column reporting.member_encounters.service_year is 'The year in which it began';
comment on column reporting.member_encounters.payer_name is 'The insurer of the encounter';
comment on column reporting.member_encounters.patient_pseudonym is
'Stands for the patient: the same in every extract of yours, different from every other reader''s';
comment on column reporting.member_encounters.encounter_pseudonym is
'Stands for the encounter: the same in every extract of yours, different from every other reader''s';
comment on column reporting.member_encounters.gender is 'M is male, F is female';
comment on column reporting.member_encounters.age is
'The patient''s age in years on that day; below the level limited 90 stands for 90 and more';
comment on column reporting.member_encounters.city is 'Where the patient lived on that day';
comment on column reporting.member_encounters.state is 'The state of that city';
comment on column reporting.member_encounters.zip is
'The ZIP code; below the level limited its first three digits, 000 where few people live';
comment on column reporting.member_encounters.total_claim_cost is 'What the encounter cost, in dollars';
comment on column reporting.member_encounters.payer_coverage is 'What the insurer covered of it, in dollars';
comment on column reporting.member_encounters.patient_share is 'What was left to the patient, in dollars';
comment on column reporting.member_encounters.length_minutes is 'How long it took, in minutes';
comment on column reporting.member_encounters.as_of is 'When the encounters were last loaded (UTC)';
