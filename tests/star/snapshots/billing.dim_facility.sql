-- star/scd1_dimension
-- Fills star.dim_facility (SCD1: the newest state of each member) from the load's batches.
merge into star.dim_facility as d
using (
    select distinct on (v.facility_id) v.*
    from source_billing.star_dim_facility as v
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    where
        (b.state = 'loaded' or b.batch_id = any('{}'::bigint[]))
        and v.facility_id in (
            select named.facility_id from source_billing.star_dim_facility as named
            where named.batch_id = any('{}'::bigint[])
        )
    order by
        v.facility_id,
        v.version_at desc nulls last, b.newness desc, v.row_number desc
) as v
    on d.source_system = v.source_system and d.facility_id = v.facility_id
when
    matched and (d.is_inferred, d.facility_name, d.address, d.city, d.state, d.zipcode)
    is distinct from (false, v.facility_name, v.address, v.city, v.state, v.zipcode) then
    update set
        facility_name = v.facility_name,
        address = v.address,
        city = v.city,
        state = v.state,
        zipcode = v.zipcode,
        is_inferred = false
when not matched then
    insert (source_system, facility_id, facility_name, address, city, state, zipcode)
    values (v.source_system, v.facility_id, v.facility_name, v.address, v.city, v.state, v.zipcode);
