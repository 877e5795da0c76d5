{{ config(incremental_strategy="append") }}
select *
from {{ source("raw", "claims") }}
where not (pg_input_is_valid(total_cost, 'numeric(12, 2)') and pg_input_is_valid(date_of_service, 'date'))
