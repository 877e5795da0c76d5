-- The patients of the file that is being written.
drop table if exists pg_temp.shown_patient;
create temporary table shown_patient (patient_pseudonym uuid not null);
