-- Where providers work: rows with the same address and, where the provider is a shop or practice, the same name are one
-- facility. The files have street and number, no city.
select distinct on (batch_id, facility_name, location)
    'billing_exports' as source_system,
    md5(row(facility_name, location)::text) as facility_id,
    facility_name,
    location as address,
    batch_id,
    row_number
from source_billing_exports.star_shape_claim
where location is not null
order by batch_id, facility_name, location, row_number
