-- Everybody who treated in each visit, in the shape of star.bridge_visit_provider. Each provider of a visit has its
-- newest row; a later file that adds one leaves the others. All rows of a visit have its newest batch, because the
-- loader replaces them together.
select
    'clinic' as source_system,
    treating.visit_id as encounter_id,
    treating.provider_id,
    treating.role_in_visit as role,
    visit.visit_date as service_date,
    max(greatest(treating.batch_id, visit.batch_id)) over (partition by treating.visit_id) as batch_id,
    treating.row_number
from source_clinic.visit_providers_current as treating
left join source_clinic.visits_current as visit on treating.visit_id = visit.visit_id
