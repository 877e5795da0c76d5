select
    provider_id,
    fname,
    lname,
    facility_name,
    address,
    city,
    state,
    case when zipcode ~ '^\d{5}$' then zipcode end as zipcode,
    specialty_code,
    {{ typed("start_date", "date") }} as start_date,
    current_date as recorded_date
from {{ source("raw", "providers") }}
