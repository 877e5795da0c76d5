-- Every version of a claim that any file brought, in the shape of star.fact_claim. No file has the day on which a claim
-- was made.
select
    'billing_exports' as source_system,
    claim.claim_id,
    claim.patient_id,
    claim.provider_id,
    case when claim.location is not null then md5(row(claim.facility_name, claim.location)::text) end as facility_id,
    coalesce(known.payer_name, nullif(trim(claim.payer), '')) as payer_id,
    coalesce(claim.procedure_code, claim.drug_name) as procedure_id,
    claim.diagnosis_codes[1] as diagnosis_id,
    claim.claim_type,
    claim.plan_type,
    claim.claim_status,
    claim.status_reason,
    claim.service_date,
    claim.paid_date,
    null::date as claim_date,
    claim.claim_amount as total_cost,
    claim.allowed_amount,
    claim.paid_amount,
    claim.is_repeat,
    claim.batch_id,
    claim.row_number
from source_billing_exports.star_shape_claim as claim
left join reference.payer_alias as known on upper(trim(claim.payer)) = upper(trim(known.alias))
