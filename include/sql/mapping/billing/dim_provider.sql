-- Every version of a provider as billing sent it, in the shape of star.dim_provider. Billing has no modification date
-- of providers: the start at the facility orders the versions.
select
    'billing' as source_system,
    provider_id,
    fname as first_name,
    lname as last_name,
    specialty_code as specialty,
    facility_name,
    address,
    city,
    state,
    zipcode,
    start_date,
    -- the same expression names the facility in dim_facility.sql
    case
        when num_nonnulls(facility_name, address, city, state, zipcode) > 0
            then md5(row(facility_name, address, city, state, zipcode)::text)
    end as facility_id,
    start_date as version_at,
    start_date as started_on,
    null::date as modified_on,
    batch_id,
    row_number
from source_billing.providers
