-- Every version of a patient as the clinic network sent it, in the shape of star.dim_patient. It sends no dates of
-- change: a version holds from the day its file was received.
select
    'clinic' as source_system,
    patient_id,
    age_group,
    payer_type,
    -- as the other sources write it
    case gender when 'Female' then 'F' when 'Male' then 'M' else gender end as gender,
    city,
    state,
    batch_id,
    row_number
from source_clinic.patients
