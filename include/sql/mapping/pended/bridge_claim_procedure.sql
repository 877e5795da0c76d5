-- Up to six procedures of an inpatient claim, each once; codes that are no procedure are left out, as in dim_procedure.
-- A claim without one has a row without procedure: that of an older file must not stay.
select
    'pended' as source_system,
    claim.clm_id as claim_id,
    procedure.code as procedure_id,
    min(procedure.position)::smallint as position,
    claim.batch_id,
    claim.row_number
from source_pended.inpatient_claims as claim
left join
    unnest(
        array[
            claim.icd9_prcdr_cd_1, claim.icd9_prcdr_cd_2, claim.icd9_prcdr_cd_3, claim.icd9_prcdr_cd_4,
            claim.icd9_prcdr_cd_5, claim.icd9_prcdr_cd_6
        ]
    ) with ordinality as procedure (code, position)
    on procedure.code ~ '^[0-9]{2,4}$'
where claim.segment = 1
group by claim.clm_id, claim.batch_id, claim.row_number, procedure.code
