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
