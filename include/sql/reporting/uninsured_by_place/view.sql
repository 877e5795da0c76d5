{% from "macros.jinja" import reader %}
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
comment on column reporting.uninsured_by_place.source_system is 'Who helped them';
comment on column reporting.uninsured_by_place.state is 'The state, or all';
comment on column reporting.uninsured_by_place.city is 'The city, or all';
comment on column reporting.uninsured_by_place.patients is
'Distinct patients whom nobody insured; empty where a small count could be found out';
comment on column reporting.uninsured_by_place.encounters is 'Their encounters; empty where the patients are';
comment on column reporting.uninsured_by_place.average_cost is
'What one cost on average, in dollars; empty where the patients are';
comment on column reporting.uninsured_by_place.is_hidden is
'True where the newest value is hidden: the row is empty, or shows an older value as of the time beside it';
comment on column reporting.uninsured_by_place.as_of is 'When the data behind the row were loaded (UTC)';
