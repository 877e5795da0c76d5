-- The hospitals; states are spelled out, as in the other source systems.
select
    'hospital' as source_system,
    organization.organization_id as facility_id,
    organization.name as facility_name,
    organization.address,
    organization.city,
    coalesce(us_state.state, organization.state) as state,
    organization.zipcode,
    organization.batch_id,
    organization.row_number
from source_hospital.organizations as organization
left join reference.us_state as us_state on organization.state = us_state.abbreviation
