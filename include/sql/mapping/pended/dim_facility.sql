-- The institutions of inpatient claims, of which the feed has only the number. Its first two digits are the state's
-- (CMS certification numbers), except for the codes that some states got later.
select
    'pended' as source_system,
    claim.prvdr_num as facility_id,
    ssa_state.state,
    claim.batch_id,
    claim.row_number
from source_pended.inpatient_claims as claim
left join reference.ssa_state on left(claim.prvdr_num, 2) = ssa_state.code
where claim.prvdr_num is not null
