-- The people that the payers' files describe, in the shape of star.dim_patient. Patients known by number only are
-- inferred from claims.
select distinct on (batch_id, patient_id)
    'billing_exports' as source_system,
    patient_id,
    first_name,
    last_name,
    birth_date,
    batch_id,
    row_number
from source_billing_exports.star_shape_claim
where patient_id is not null and birth_date is not null
order by batch_id asc, patient_id asc, row_number desc
