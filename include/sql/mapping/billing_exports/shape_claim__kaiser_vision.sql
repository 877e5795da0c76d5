-- Kaiser's vision claims in the shape of all claim files. The provider is a practice or a shop, whose name is also that
-- of the facility. There is no diagnosis, and no day of payment.
{% import "mapping/billing_exports/member.jinja" as member -%}
select
    claim_id,
    {{ member.member_of('KP') }} as patient_id,
    patient_first_name as first_name,
    patient_last_name as last_name,
    patient_birth_date as birth_date,
    provider_id,
    provider_name,
    provider_name as facility_name,
    location,
    'KP' as payer,
    'vision' as claim_type,
    plan_type,
    service_date,
    procedure_code,
    claim_amount,
    allowed_amount,
    paid_amount,
    batch_id,
    row_number
from source_billing_exports.kaiser_vision
