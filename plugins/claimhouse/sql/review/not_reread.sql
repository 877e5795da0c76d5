-- Wait until a batch is not being read again, and keep it from that until the transaction ends. $1 batch.
select pg_advisory_xact_lock_shared(hashtextextended('claimhouse.reread ' || $1, 0));
