-- $1: a subscription whose lock this session holds.
select pg_advisory_unlock(hashtext('claimhouse.delivery'), hashtext($1)) as was_mine;
