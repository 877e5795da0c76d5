-- Everybody who treated in each visit, in the shape of star.bridge_visit_provider. Each provider of a visit has its
-- newest row; a later file that adds one leaves the others. All rows of a visit have the batch that was loaded last,
-- because the loader replaces them together.
select
    'clinic' as source_system,
    treating.visit_id as encounter_id,
    treating.provider_id,
    treating.role_in_visit as role,
    visit.visit_date as service_date,
    (max(greatest(
        array[treating_batch.load_number, treating.batch_id], array[visit_batch.load_number, visit.batch_id]
    )) over (partition by treating.visit_id))[2] as batch_id,
    treating.row_number
from source_clinic.visit_providers_current as treating
inner join landing.batch_order as treating_batch on treating.batch_id = treating_batch.batch_id
left join source_clinic.visits_current as visit on treating.visit_id = visit.visit_id
left join landing.batch_order as visit_batch on visit.batch_id = visit_batch.batch_id
