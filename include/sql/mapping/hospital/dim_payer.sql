-- Payers, under the name that all source systems share; NO_INSURANCE is no insurer. For a name that is not in the
-- list it is unknown whether it is an insurer.
select
    'hospital' as source_system,
    payer.payer_id,
    coalesce(known.payer_name, trim(payer.name)) as payer_name,
    known.is_insurer::boolean as is_insurer,
    payer.city,
    coalesce(us_state.state, payer.state) as state,
    payer.batch_id,
    payer.row_number
from source_hospital.payers as payer
left join reference.payer_alias as known on upper(trim(payer.name)) = upper(trim(known.alias))
left join reference.us_state as us_state on payer.state = us_state.abbreviation
