-- Cigna's claims in the shape of all claim files. A pharmacy claim has the name of a drug instead of a code. Of two
-- codes the CPT one counts, unless the other is of a restricted specialty, which must not be lost. The list has no
-- addresses, and the day of a decision instead of a payment.
{% import "mapping/billing_exports/member.jinja" as member -%}
{% import "words.jinja" as words -%}
with restricted as (
    select listed.code
    from reference.procedure_specialty as listed
    inner join reference.specialty as known on listed.specialty = known.specialty
    where listed.code_system = 'HCPCS' and known.is_restricted::boolean
)

select
    claim_id,
    {{ member.member_of('CIG') }} as patient_id,
    patient_first_name as first_name,
    patient_last_name as last_name,
    patient_birth_date as birth_date,
    provider_id,
    provider_name,
    'CIG' as payer,
    coalesce(listed_type, lower(claim_type)) as claim_type,
    plan_type,
    service_date,
    case
        when hcpcs_code in (select restricted.code from restricted) then hcpcs_code
        else coalesce(procedure_code, hcpcs_code)
    end as procedure_code,
    drug_name,
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
    from source_billing_exports.cigna_claims as claim
    left join {{ words.listed("claim_type") }} as listed on {{ words.spelled("claim.claim_type") }} = listed.folded
) as typed
