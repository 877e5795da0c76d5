{% from "macros.jinja" import reader %}
-- The values of a filter by specialty: those of the rows that the caller may see, its own specialty as default.
create view reporting.specialty_choice with (security_barrier) as
select distinct
    f.specialty,
    coalesce(f.specialty = r.specialty, false) as is_default
from star.fact_encounter as f
inner join {{ reader("specialty_choice", "safe_harbor") }};

comment on view reporting.specialty_choice is 'The specialties you may choose from';
