-- Every version of a provider as the clinic network sent it, in the shape of star.dim_provider. The facility is where
-- the office is; many work at other clinics too (each visit and appointment names its own).
select
    'clinic' as source_system,
    provider_id,
    provider_name,
    provider_type as specialty,
    home_clinic as facility_name,
    -- the same name as in dim_facility.sql
    nullif(home_clinic, 'Telehealth Hub') as facility_id,
    batch_id,
    row_number
from source_clinic.providers
