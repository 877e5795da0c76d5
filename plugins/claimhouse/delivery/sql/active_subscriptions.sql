-- The active subscriptions, and what their readers may see: a report is read as the client's own login, a dashboard as
-- a person's, which may have left. $1: one subscription, or null for all.
select
    s.subscription_id,
    s.client,
    s.report,
    s.format,
    s.transport,
    s.reason,
    s.schedule,
    s.time_zone,
    s.recipients,
    s.detail,
    s.when_empty,
    s.covers,
    s.identified_by,
    s.when_too_large,
    s.approve_first,
    s.approve_ratio,
    coalesce(c.title, s.client) as client_title,
    coalesce(c.privacy_level, 'identified') as privacy_level,
    coalesce(s.login, l.login) as client_login,
    coalesce(l.role_name, '') as client_role,
    coalesce(s.hold_reason, c.hold_reason, h.reason) as held_for,
    s.person,
    s.filters,
    s.starts_at,
    coalesce(e.entitlements, '[]'::jsonb) as entitlements
from delivery.subscription as s
left join security.client as c on s.client = c.client
left join security.login as l
    on c.client = l.client and case when s.login is null then l.is_own_role else s.login = l.login end
left join delivery.hold as h on s.client = h.client and h.released_at is null
left join lateral (
    select
        jsonb_agg(
            jsonb_build_array(n.source_system, n.value, n.privacy_level, n.kind)
            order by n.source_system, n.kind, n.value
        ) as entitlements
    from security.entitlement as n
    where n.login = l.login
) as e on true
where s.is_active and (s.login is not null or l.login is not null) and ($1::text is null or s.subscription_id = $1)
order by s.subscription_id;
