-- The session with the hash $1, unless it has ended or was not used for $2 minutes.
with found as (
    select
        s.session_hash,
        s.seen_at,
        a.kind,
        a.name,
        a.login
    from portal.session as s
    inner join portal.account as a on s.account_id = a.account_id
    where
        s.session_hash = $1 and s.signed_out_at is null and s.expires_at > now()
        and s.seen_at > now() - make_interval(secs => $2::float8 * 60)
),

seen as (
    update portal.session as s
    set seen_at = now()
    from found as f
    where s.session_hash = f.session_hash and f.seen_at < now() - interval '1 minute'
)

select
    f.kind,
    f.name,
    f.login,
    r.client,
    r.title,
    coalesce(r.reports, '{}') as reports
from found as f
left join portal.reader as r on f.login = r.login;
