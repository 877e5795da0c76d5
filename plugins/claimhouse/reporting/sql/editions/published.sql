-- $1: a source system. Record its changes from now on.
select change.published($1)::text as recorded;
