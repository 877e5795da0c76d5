-- UnitedHealthcare's pharmacy claims in the shape of all claim files. The pharmacy is the facility. The file has no
-- allowed amount, no diagnosis and no day of payment.
{% import "mapping/billing_exports/member.jinja" as member -%}
select
    claim_id,
    {{ member.member_of('UHC') }} as patient_id,
    patient_first_name as first_name,
    patient_last_name as last_name,
    patient_birth_date as birth_date,
    provider_id,
    provider_name,
    provider_name as facility_name,
    location,
    'UHC' as payer,
    'pharmacy' as claim_type,
    plan_type,
    service_date,
    drug_name,
    claim_amount,
    paid_amount,
    batch_id,
    row_number
from source_billing_exports.unitedhealthcare_pharmacy
