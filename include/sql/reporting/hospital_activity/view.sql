{% from "macros.jinja" import reader %}
-- All patients, whoever their payer: counts with small cells suppressed. Restricted encounters are part of no
-- total; their rows are shown to entitled readers only.
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
