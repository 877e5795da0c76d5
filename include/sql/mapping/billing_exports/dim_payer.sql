-- Payers, under the name that all source systems share: AET, Aetna and ' Aetna ' are one. For a name that is not in
-- the list it is unknown whether it is an insurer.
select distinct on (claim.batch_id, payer_id)
    'billing_exports' as source_system,
    coalesce(known.payer_name, trim(claim.payer)) as payer_id,
    coalesce(known.payer_name, trim(claim.payer)) as payer_name,
    known.is_insurer::boolean as is_insurer,
    claim.batch_id,
    claim.row_number
from source_billing_exports.star_shape_claim as claim
left join reference.payer_alias as known on upper(trim(claim.payer)) = upper(trim(known.alias))
where trim(claim.payer) <> ''
order by claim.batch_id, payer_id, claim.row_number
