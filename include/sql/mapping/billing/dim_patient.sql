-- Every version of a patient as billing sent it, in the shape of star.dim_patient. version_at orders the versions,
-- started_on is the day from which the state holds, modified_on the day on which billing recorded it.
select
    'billing' as source_system,
    patient_id,
    fname as first_name,
    lname as last_name,
    date_of_birth as birth_date,
    address,
    city,
    state,
    zipcode,
    date_of_residence as residence_date,
    last_modified_date as version_at,
    date_of_residence as started_on,
    last_modified_date as modified_on,
    batch_id,
    row_number
from source_billing.patients
