-- $1: a file, $2: the pseudonyms of the patients whose rows it holds.
insert into delivery.extract_patient (extract_id, patient_pseudonym)
select
    $1 as extract_id,
    unnest($2::uuid[]) as patient_pseudonym;
