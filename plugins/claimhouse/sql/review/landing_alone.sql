-- Take the lock of a source's landing for the transaction, if nobody has it. $1 source system.
select pg_try_advisory_xact_lock(hashtextextended('claimhouse.landing ' || $1, 0)) as is_alone;
