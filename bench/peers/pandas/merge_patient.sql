update dim_patient as known
set valid_to = brought.valid_from, is_current = false
from new_patient as brought
where known.patient_id = brought.patient_id and known.is_current;

insert into dim_patient
select
    patient_key,
    patient_id,
    fname,
    lname,
    date_of_birth,
    address,
    city,
    state,
    zipcode,
    date_of_residence,
    last_modified_date,
    valid_from,
    date '9999-12-31' as valid_to,
    true as is_current
from new_patient
