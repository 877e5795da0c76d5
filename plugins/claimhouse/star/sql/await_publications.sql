-- Wait for publications that run, and let none begin until this transaction ends. A statement that locks a table of the
-- star against readers waits here first: a publication reads it, and a writer waits for the publication.
select pg_advisory_xact_lock_shared(k.key)::text as held
from change.keys('claimhouse') as k;
