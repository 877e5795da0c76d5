-- Cigna's claims in the shape of all claim files. A pharmacy claim has the name of a drug in the place of a
-- code. The list gives no addresses, and the day of a decision, not of a payment.
{% import "mapping/billing_exports/member.jinja" as member -%}
select
    claim_id,
    {{ member.member_of('CIG') }} as patient_id,
    patient_first_name as first_name,
    patient_last_name as last_name,
    patient_birth_date as birth_date,
    provider_id,
    provider_name,
    'CIG' as payer,
    lower(claim_type) as claim_type,
    plan_type,
    service_date,
    coalesce(procedure_code, hcpcs_code) as procedure_code,
    drug_name,
    array_remove(array[diagnosis_code, other_diagnosis_code], null) as diagnosis_codes,
    claim_amount,
    allowed_amount,
    paid_amount,
    batch_id,
    row_number
from source_billing_exports.cigna_claims
