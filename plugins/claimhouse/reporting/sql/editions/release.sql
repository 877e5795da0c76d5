-- $1: a source system. It may be written again.
select
    change.release($1)::text as released,
    true as release;
