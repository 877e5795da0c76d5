-- Providers by National Provider Identifier, in the shape of star.dim_provider: who treated or sold. Among several
-- claims of a file the last one gives the provider's name. Providers known by number only are inferred from claims.
select distinct on (batch_id, provider_id)
    'billing_exports' as source_system,
    provider_id,
    provider_id as npi,
    provider_name,
    facility_name,
    location as address,
    -- the same expression names the facility in dim_facility.sql and fact_claim.sql
    case when location is not null then md5(row(facility_name, location)::text) end as facility_id,
    batch_id,
    row_number
from source_billing_exports.star_shape_claim
where provider_id is not null and provider_name is not null
order by batch_id asc, provider_id asc, row_number desc
