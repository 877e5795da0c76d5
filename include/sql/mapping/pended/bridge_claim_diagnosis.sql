-- Up to ten diagnoses of an inpatient claim, each once, with equal weights; the first gets the remainder, so that the
-- weights add up to exactly 1. A claim without one has a row without diagnosis: that of an older file must not stay.
with named as (
    select
        claim.clm_id as claim_id,
        claim.batch_id,
        claim.row_number,
        diagnosis.code,
        min(diagnosis.position) as position
    from source_pended.inpatient_claims as claim
    left join
        unnest(
            array[
                claim.icd9_dgns_cd_1, claim.icd9_dgns_cd_2, claim.icd9_dgns_cd_3, claim.icd9_dgns_cd_4,
                claim.icd9_dgns_cd_5, claim.icd9_dgns_cd_6, claim.icd9_dgns_cd_7, claim.icd9_dgns_cd_8,
                claim.icd9_dgns_cd_9, claim.icd9_dgns_cd_10
            ]
        ) with ordinality as diagnosis (code, position)
        on diagnosis.code is not null
    where claim.segment = 1
    group by claim.clm_id, claim.batch_id, claim.row_number, diagnosis.code
),

counted as (
    select
        named.*,
        row_number() over (partition by named.claim_id, named.batch_id order by named.position) as place,
        count(*) over (partition by named.claim_id, named.batch_id) as codes
    from named
)

select
    'pended' as source_system,
    counted.claim_id,
    counted.code as diagnosis_id,
    counted.position::smallint as position,
    (
        case
            when counted.place = 1 then 1 - (counted.codes - 1) * round(1.0 / counted.codes, 8)
            else round(1.0 / counted.codes, 8)
        end
    )::numeric(9, 8) as weight,
    counted.batch_id,
    counted.row_number
from counted
