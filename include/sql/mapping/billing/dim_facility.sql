-- Billing has no feed of facilities, only names and addresses on each provider: rows that agree in all of them are one
-- facility.
select
    'billing' as source_system,
    -- the same expression refers to the facility in dim_provider.sql
    md5(row(facility_name, address, city, state, zipcode)::text) as facility_id,
    facility_name,
    address,
    city,
    state,
    zipcode,
    start_date as version_at,
    batch_id,
    row_number
from source_billing.providers
where num_nonnulls(facility_name, address, city, state, zipcode) > 0
