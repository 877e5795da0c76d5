-- Wait until nobody else decides about a row; for the transaction. $1 the row.
select pg_advisory_xact_lock(hashtextextended('claimhouse.review ' || $1, 0));
