select
    specialty,
    procedure_name,
    procedure_code,
    service_date,
    patient_pseudonym,
    encounter_pseudonym,
    gender,
    age,
    city,
    state,
    zip,
    base_cost,
    length_minutes,
    as_of
from reporting.member_procedures
order by procedure_name asc, procedure_code asc, service_date desc, encounter_pseudonym asc;
