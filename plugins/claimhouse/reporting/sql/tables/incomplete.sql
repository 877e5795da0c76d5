-- $1: a report; $2: an audience, which may see more of it than is published; $3: a source system. Its readers see what
-- is there; deliveries wait until it is published anew.
delete from published.basis as b
where b.report = $1 and b.audience = $2 and b.source_system = $3;
