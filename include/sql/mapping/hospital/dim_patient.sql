-- Every version of a patient as the hospital sent it. The feed has no date of a move or a change: a version holds from
-- the day it was received.
select
    'hospital' as source_system,
    patient_id,
    first_name,
    last_name,
    birth_date,
    death_date,
    address,
    city,
    state,
    county,
    zipcode,
    gender,
    race,
    ethnicity,
    marital_status,
    batch_id,
    row_number
from source_hospital.patients
