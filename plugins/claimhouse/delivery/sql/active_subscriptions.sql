-- The active subscriptions, and what their clients may see. $1: one subscription, or null for all.
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
    s.approve_first,
    s.approve_ratio,
    c.title as client_title,
    c.privacy_level,
    l.login as client_login,
    l.role_name as client_role,
    coalesce(s.hold_reason, h.reason) as held_for,
    coalesce(e.entitlements, '[]'::jsonb) as entitlements
from delivery.subscription as s
inner join security.client as c on s.client = c.client
inner join security.login as l on c.client = l.client and l.is_own_role
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
where s.is_active and ($1::text is null or s.subscription_id = $1)
order by s.subscription_id;
