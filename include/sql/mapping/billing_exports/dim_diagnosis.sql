-- The diagnoses that claims name. The files give no names of codes.
select distinct on (claim.batch_id, diagnosis_id)
    'billing_exports' as source_system,
    diagnosis.code as diagnosis_id,
    'ICD-10-CM' as code_system,
    claim.batch_id,
    claim.row_number
from source_billing_exports.star_shape_claim as claim
cross join unnest(claim.diagnosis_codes) as diagnosis (code)
order by claim.batch_id, diagnosis_id, claim.row_number
