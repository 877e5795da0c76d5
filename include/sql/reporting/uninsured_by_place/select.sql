{% from "macros.jinja" import counts with context %}
-- Where uninsured patients live: counts with small cells suppressed.
select
    s.source_system,
    s.state,
    s.city,
    s.patients,
    s.encounters,
    s.average_cost,
    s.is_hidden,
    case when not s.is_hidden then 'shown' when s.patients is null then 'hidden' else 'older' end as small_numbers,
    s.as_of
from {{ counts("uninsured_by_place") }} as s
