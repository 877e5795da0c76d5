-- Take the lock of a source's landing, if nobody has it. $1 source system.
select pg_try_advisory_lock(hashtextextended('claimhouse.landing ' || $1, 0)) as is_alone;
