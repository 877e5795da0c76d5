-- The procedures that inpatient claims name. The codes are ICD-9-CM without the dot; there is no feed of names, and no
-- list of their specialties. Some fields hold a diagnosis: a code with five digits or a letter is no procedure (a Soda
-- check counts them).
select
    'pended' as source_system,
    named.code as procedure_id,
    'ICD-9-CM' as code_system,
    listed.specialty,
    -- a specialty that is not in specialty.csv is shown to nobody
    case when listed.specialty is null then false else coalesce(specialty.is_restricted::boolean, true) end
        as is_restricted,
    claim.batch_id,
    min(claim.row_number) as row_number
from source_pended.inpatient_claims as claim
cross join
    unnest(
        array[
            claim.icd9_prcdr_cd_1, claim.icd9_prcdr_cd_2, claim.icd9_prcdr_cd_3, claim.icd9_prcdr_cd_4,
            claim.icd9_prcdr_cd_5, claim.icd9_prcdr_cd_6
        ]
    ) as named (code)
left join reference.procedure_specialty as listed
    on listed.code_system = 'ICD-9-CM' and named.code = listed.code
left join reference.specialty as specialty on listed.specialty = specialty.specialty
where named.code ~ '^[0-9]{2,4}$'
group by claim.batch_id, named.code, listed.specialty, specialty.is_restricted
