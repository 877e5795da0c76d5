-- All diagnoses of a claim, each once, however often the file repeats it, with equal weights. The principal one gets
-- the remainder of the division, so that the weights of a claim add up to exactly 1. A claim without one has a row
-- without diagnosis: that of an older file must not stay.
with named as (
    select
        claim.claim_id,
        diagnosis.code,
        min(diagnosis.place) as place,
        claim.batch_id,
        claim.row_number
    from source_billing_exports.star_shape_claim as claim
    left join unnest(claim.diagnosis_codes) with ordinality as diagnosis (code, place) on true
    where claim.is_repeat is not true
    group by claim.claim_id, diagnosis.code, claim.batch_id, claim.row_number
),

shared as (
    select
        *,
        row_number() over (partition by batch_id, row_number order by place) as position,
        count(*) over (partition by batch_id, row_number) as diagnoses
    from named
)

select
    'billing_exports' as source_system,
    claim_id,
    code as diagnosis_id,
    position::smallint as position,
    case position
        when 1 then 1 - (diagnoses - 1) * round(1.0 / diagnoses, 8)
        else round(1.0 / diagnoses, 8)
    end as weight,
    batch_id,
    row_number
from shared
