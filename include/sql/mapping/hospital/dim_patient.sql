-- Every version of a patient as the hospital sent it. The feed says neither when somebody moved nor when
-- the row was changed: a version holds from the day it was received.
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
