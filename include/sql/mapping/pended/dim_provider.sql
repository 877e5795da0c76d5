-- Providers as in the directory of NPIs. Verification leaves one row for each NPI, so that no claim is counted twice.
-- The directory has no dates: a version holds from the day it was received.
select
    'pended' as source_system,
    directory.npi as provider_id,
    directory.npi,
    directory.first_name,
    directory.last_name,
    directory.provider_group,
    concat_ws(', ', directory.addr_1, directory.addr_2) as address,
    directory.city,
    coalesce(us_state.state, directory.state) as state,
    directory.batch_id,
    directory.row_number
from source_pended.provider_directory as directory
left join reference.us_state on directory.state = us_state.abbreviation
