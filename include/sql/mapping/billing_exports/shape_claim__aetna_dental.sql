-- Aetna's dental claims in the shape of all claim files. The file has no status and no diagnosis; a CDT code is dental
-- care. It has the day on which a claim was processed, not the day it was paid.
{% import "mapping/billing_exports/member.jinja" as member -%}
select
    claim_id,
    {{ member.member_of('AET') }} as patient_id,
    patient_first_name as first_name,
    patient_last_name as last_name,
    patient_birth_date as birth_date,
    provider_id,
    provider_name,
    location,
    'AET' as payer,
    'dental' as claim_type,
    plan_type,
    service_date,
    procedure_code,
    claim_amount,
    allowed_amount,
    paid_amount,
    batch_id,
    row_number
from source_billing_exports.aetna_dental
