-- $1: a file. The patients whose rows it holds.
insert into delivery.extract_patient (extract_id, patient_pseudonym)
select distinct
    $1::bigint as extract_id,
    p.patient_pseudonym
from pg_temp.shown_patient as p;
