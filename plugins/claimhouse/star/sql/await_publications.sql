-- Wait for publications that run, and let none begin until this transaction ends. A statement that locks a table of the
-- star against readers waits here first: a publication reads it, and a writer waits for the publication. The keys are
-- those of change.keys('claimhouse'), which the role of a load may not call.
select
    pg_advisory_xact_lock_shared(hashtextextended('change/claimhouse', 0))::text as held,
    pg_advisory_xact_lock_shared(hashtextextended('change/claimhouse/2', 0))::text as held_too;
