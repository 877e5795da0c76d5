-- $1: a report; $2: what its rows follow from besides the star. A change publishes all its rows again.
update published.report
set
    definition = $2,
    changed_at = now()
where report = $1 and definition is distinct from $2;
