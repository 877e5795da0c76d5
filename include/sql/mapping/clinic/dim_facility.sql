-- The clinic network has no feed of clinics: a clinic is what any feed names, if only as the office of a provider, so
-- that one without activity is listed too. A name is standardized by the vocabulary `clinics`, and is the clinic's id.
-- Telehealth Hub is no clinic.
select
    'clinic' as source_system,
    named.facility_name as facility_id,
    named.facility_name,
    named.batch_id,
    min(named.row_number) as row_number
from (
    select
        home_clinic as facility_name,
        batch_id,
        row_number
    from source_clinic.providers
    union all
    select
        clinic_location,
        batch_id,
        row_number
    from source_clinic.appointments
    union all
    select
        clinic_location,
        batch_id,
        row_number
    from source_clinic.visits
) as named
where named.facility_name <> 'Telehealth Hub'
group by named.facility_name, named.batch_id
