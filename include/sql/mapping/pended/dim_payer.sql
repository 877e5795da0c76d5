-- The files are Medicare's: the payer of every inpatient claim is Medicare.
select
    'pended' as source_system,
    'MEDICARE' as payer_id,
    coalesce(known.payer_name, 'Medicare') as payer_name,
    coalesce(known.is_insurer::boolean, true) as is_insurer,
    claim.batch_id,
    min(claim.row_number) as row_number
from source_pended.inpatient_claims as claim
left join reference.payer_alias as known on known.alias = 'MEDICARE'
group by claim.batch_id, known.payer_name, known.is_insurer
