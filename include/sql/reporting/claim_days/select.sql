{% from "macros.jinja" import fact with context %}
-- How many claims have each day as their newest. The last of them is the day to which claims_to_handle counts.
select
    f.source_system,
    greatest(f.service_date, m.date, d.date) as newest_day,
    count(*) as claims
from {{ fact("fact_claim") }} as f
inner join star.dim_date as m on f.claim_date_key = m.date_key
inner join star.dim_date as d on f.paid_date_key = d.date_key
group by f.source_system, greatest(f.service_date, m.date, d.date)
