-- Who is one person in several source systems. Nobody guesses it by name: a person decides, or a master
-- patient index does, and says so here.

create table security.patient_crosswalk (
    source_system text not null,
    patient_id text not null,
    person_id text not null check (person_id <> ''),
    decided_by text not null check (decided_by <> ''),
    decided_at timestamptz not null default now(),
    primary key (source_system, patient_id)
);
comment on table security.patient_crosswalk is
'Grain: a patient of a source system who is known to be a certain person. Engineers alone read it';
comment on column security.patient_crosswalk.person_id is
'The person; patients with the same one are the same. It need not be the id of any of them';

create view security.patient_person as
select
    patient.patient_key,
    case when crosswalk.person_id is null then patient.source_system else 'person' end as person_system,
    coalesce(crosswalk.person_id, patient.patient_id) as person_id
from star.dim_patient as patient
left join security.patient_crosswalk as crosswalk
    on patient.source_system = crosswalk.source_system and patient.patient_id = crosswalk.patient_id
where patient.patient_key > 0;
comment on view security.patient_person is
'The person each state of a patient belongs to: the crosswalk''s, else the patient itself. To count persons
over several systems, count distinct (person_system, person_id). It shows all patients: engineers alone read it';
