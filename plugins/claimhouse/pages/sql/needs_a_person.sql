-- What waits for a person, of the source systems $1 and of deliveries, and who asks to be mailed a dashboard.
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
union all
select
    'mail asked for' as kind,
    null as source_system,
    null as feed,
    m.dashboard as subject,
    1 as things,
    m.asked_at as since,
    null as problem,
    'approve or refuse it' as to_do
from portal.mailing as m
where m.is_approved is null
order by since;
