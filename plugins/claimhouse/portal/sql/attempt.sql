-- Count an attempt at the local account $1, before its password is looked at; no row where there is none. After $2
-- attempts without success it locks the account: for $3 seconds, each time twice as long, at most $4. An attempt at a
-- locked account does not count.
with found as (
    select
        a.account_id,
        coalesce(a.locked_until > now(), false) as is_locked
    from portal.account as a
    where a.kind = 'local' and a.name = $1
    for update
)

update portal.account as a
set
    failed_count = a.failed_count + case when f.is_locked then 0 else 1 end,
    locked_until = case
        when f.is_locked then a.locked_until
        when a.failed_count + 1 >= $2::int
            then now() + make_interval(
                secs => least($3::float8 * 2 ^ least(a.failed_count + 1 - $2::int, 30), $4::float8)
            )
    end
from found as f
where a.account_id = f.account_id
returning
    a.account_id,
    a.password_hash,
    f.is_locked,
    exists (select from portal.reader as r where r.login = a.login) as has_reader;
