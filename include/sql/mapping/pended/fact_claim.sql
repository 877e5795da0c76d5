-- Inpatient claims. A claim too long for one segment continues in a second, which repeats the amounts: the first
-- segment is the claim, so that nothing is paid twice. The file has no charges.
select
    'pended' as source_system,
    claim.clm_id as claim_id,
    claim.desynpuf_id as patient_id,
    claim.at_physn_npi as provider_id,
    claim.prvdr_num as facility_id,
    'MEDICARE' as payer_id,
    case when claim.icd9_prcdr_cd_1 ~ '^[0-9]{2,4}$' then claim.icd9_prcdr_cd_1 end as procedure_id,
    claim.icd9_dgns_cd_1 as diagnosis_id,
    'inpatient' as claim_type,
    claim.clm_pmt_amt as paid_amount,
    claim.clm_from_dt as service_date,
    claim.batch_id,
    claim.row_number
from source_pended.inpatient_claims as claim
where claim.segment = 1
