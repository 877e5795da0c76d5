{% from "macros.jinja" import reader %}
-- The default report of a person with a specialty: the encounters of that specialty.
create view reporting.own_specialty_encounters with (security_barrier) as
select v.*
from reporting.member_encounters as v
inner join {{ reader("own_specialty_encounters", "safe_harbor") }}
where v.is_own_specialty;

comment on view reporting.own_specialty_encounters is 'Encounters of your members in your specialty';
