{% from "macros.jinja" import reader %}
-- Of all patients, whoever insures them: counts with small cells hidden. What is restricted is in no
-- total, and its own lines are shown to nobody else.
create view reporting.hospital_activity with (security_barrier) as
select
    s.source_system,
    s.year,
    s.quarter,
    s.specialty,
    s.patients,
    s.encounters,
    s.total_claim_cost,
    s.is_hidden,
    s.as_of
from counts.hospital_activity as s
inner join {{ reader("hospital_activity", "aggregate") }}
where s.restricted_specialty = '' or s.specialty <> 'all';

comment on view reporting.hospital_activity is 'Encounters and patients of all payers';
comment on column reporting.hospital_activity.source_system is 'Where the patients were helped';
comment on column reporting.hospital_activity.year is 'The year, or all';
comment on column reporting.hospital_activity.quarter is 'The quarter, or all';
comment on column reporting.hospital_activity.specialty is
'What the encounters were about, or all; restricted ones are in no total';
comment on column reporting.hospital_activity.patients is
'Distinct patients; empty where a small count could be found out';
comment on column reporting.hospital_activity.encounters is 'Encounters; empty where the patients are';
comment on column reporting.hospital_activity.total_claim_cost is
'What they cost, in dollars; empty where the patients are';
comment on column reporting.hospital_activity.is_hidden is
'True where the newest value is hidden: the row is empty, or shows an older value as of the time beside it';
comment on column reporting.hospital_activity.as_of is 'When the data behind the row were loaded (UTC)';
