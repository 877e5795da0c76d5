-- What waits for a person, by kind, the longest first.
select
    p.kind,
    sum(p.things)::bigint as things
from quality.needs_a_person as p
group by p.kind
order by min(p.since), p.kind;
