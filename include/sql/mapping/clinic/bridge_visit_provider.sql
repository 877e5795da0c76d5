-- Everybody who treated in each visit, in the shape of star.bridge_visit_provider. Each provider of a visit has its
-- newest row; a later file that adds one leaves the others. All rows of a visit have the batch that was loaded last,
-- because the loader replaces them together.
with treated as (
    select
        treating.visit_id,
        treating.provider_id,
        treating.role_in_visit,
        visit.visit_date,
        max(greatest(treating_batch.load_number, visit_batch.load_number)) over (
            partition by treating.visit_id
        ) as load_number,
        treating.row_number
    from source_clinic.visit_providers_current as treating
    inner join landing.batch_order as treating_batch on treating.batch_id = treating_batch.batch_id
    left join source_clinic.visits_current as visit on treating.visit_id = visit.visit_id
    left join landing.batch_order as visit_batch on visit.batch_id = visit_batch.batch_id
)

select
    'clinic' as source_system,
    treated.visit_id as encounter_id,
    treated.provider_id,
    treated.role_in_visit as role,
    treated.visit_date as service_date,
    loaded_last.batch_id,
    treated.row_number
from treated
inner join landing.batch_order as loaded_last
    on loaded_last.source_system = 'clinic' and treated.load_number = loaded_last.load_number
