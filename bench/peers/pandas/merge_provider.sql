update dim_provider as known
set valid_to = brought.valid_from, is_current = false
from new_provider as brought
where known.provider_id = brought.provider_id and known.is_current;

insert into dim_provider
select
    provider_key,
    provider_id,
    fname,
    lname,
    facility_name,
    address,
    city,
    state,
    zipcode,
    specialty_code,
    start_date,
    valid_from,
    date '9999-12-31' as valid_to,
    true as is_current
from new_provider
