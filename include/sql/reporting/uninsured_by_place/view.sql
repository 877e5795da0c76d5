{% from "macros.jinja" import reader %}
-- Where uninsured patients live: counts with small cells suppressed.
create view reporting.uninsured_by_place with (security_barrier) as
select
    s.source_system,
    s.state,
    s.city,
    s.patients,
    s.encounters,
    s.average_cost,
    s.is_hidden,
    s.as_of
from counts.uninsured_by_place as s
inner join {{ reader("uninsured_by_place", "aggregate") }};

comment on view reporting.uninsured_by_place is 'Where the uninsured live';
