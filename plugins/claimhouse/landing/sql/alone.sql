-- Wait for the lock of a source's landing; the connection holds it until it ends. $1 source system.
select pg_advisory_lock(hashtextextended('claimhouse.landing ' || $1, 0));
