-- $1: a subscription. Whether this session now holds its lock.
select pg_try_advisory_lock(hashtext('claimhouse.delivery'), hashtext($1)) as is_mine;
