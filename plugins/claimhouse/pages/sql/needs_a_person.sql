-- What waits for a person, of the source systems $1 and of deliveries.
select
    p.kind,
    p.source_system,
    p.feed,
    p.subject,
    p.things,
    p.since,
    p.problem,
    p.to_do
from quality.needs_a_person as p
where p.source_system is null or p.source_system = any($1)
order by p.since;
