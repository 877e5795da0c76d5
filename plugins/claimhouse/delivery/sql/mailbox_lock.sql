-- $1: a subscription. Whether this session is now the only one to prepare or send for it.
select pg_try_advisory_lock(hashtext('claimhouse.delivery'), hashtext($1)) as is_mine;
