-- $1: an audience, $2: a source system. Nothing of it is published to the audience.
update published.edition as e
set as_of = null
where e.audience = $1 and e.source_system = $2;
