-- Anthem's medical claims in the shape of all claim files.
{% import "mapping/billing_exports/member.jinja" as member -%}
{% import "words.jinja" as words -%}
select
    claim_id,
    {{ member.member_of('ANT') }} as patient_id,
    patient_first_name as first_name,
    patient_last_name as last_name,
    patient_birth_date as birth_date,
    provider_id,
    provider_name,
    location,
    'ANT' as payer,
    coalesce(listed_type, lower(claim_type)) as claim_type,
    plan_type,
    service_date,
    paid_date,
    procedure_code,
    array_remove(array[diagnosis_code, other_diagnosis_code], null) as diagnosis_codes,
    claim_amount,
    allowed_amount,
    paid_amount,
    batch_id,
    row_number
from (
    select
        claim.*,
        listed.claim_type as listed_type
    from source_billing_exports.anthem_medical as claim
    left join {{ words.listed("claim_type") }} as listed on {{ words.spelled("claim.claim_type") }} = listed.folded
) as typed
