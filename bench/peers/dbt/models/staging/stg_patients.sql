select
    patient_id,
    fname,
    lname,
    {{ typed("date_of_birth", "date") }} as date_of_birth,
    address,
    city,
    state,
    case when zipcode ~ '^\d{5}$' then zipcode end as zipcode,
    {{ typed("date_of_residence", "date") }} as date_of_residence,
    {{ typed("last_modified_date", "date") }} as last_modified_date
from {{ source("raw", "patients") }}
