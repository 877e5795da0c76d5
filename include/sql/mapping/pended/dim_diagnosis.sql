-- The diagnoses that inpatient claims name. The codes are ICD-9-CM without the dot; there is no feed of names.
select
    'pended' as source_system,
    named.code as diagnosis_id,
    'ICD-9-CM' as code_system,
    claim.batch_id,
    min(claim.row_number) as row_number
from source_pended.inpatient_claims as claim
cross join
    unnest(
        array[
            claim.admtng_icd9_dgns_cd, claim.icd9_dgns_cd_1, claim.icd9_dgns_cd_2, claim.icd9_dgns_cd_3,
            claim.icd9_dgns_cd_4, claim.icd9_dgns_cd_5, claim.icd9_dgns_cd_6, claim.icd9_dgns_cd_7,
            claim.icd9_dgns_cd_8, claim.icd9_dgns_cd_9, claim.icd9_dgns_cd_10
        ]
    ) as named (code)
where named.code is not null
group by claim.batch_id, named.code
