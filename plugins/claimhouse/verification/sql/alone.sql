-- Wait until nobody corrects a row of a batch, and keep them waiting until the transaction ends. $1 batch.
select pg_advisory_xact_lock(hashtextextended('claimhouse.reread ' || $1, 0));
