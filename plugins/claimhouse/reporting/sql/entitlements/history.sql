-- Close the entitlements that are no longer in force, and open the new ones. The role of a login stands there too: who
-- was it of whom the server's log tells?
with in_force as (
    select
        e.login,
        l.client,
        e.source_system,
        e.kind,
        e.value,
        e.privacy_level
    from security.entitlement as e
    inner join security.login as l on e.login = l.login
    union all
    select
        l.login,
        c.client,
        '*' as source_system,
        x.kind,
        x.value,
        c.privacy_level
    from security.login as l
    inner join security.client as c on l.client = c.client
    cross join lateral (
        select
            'report' as kind,
            r.report as value
        from unnest(c.reports) as r (report)
        union
        select
            'schema' as kind,
            s.name as value
        from unnest(c.schemas) as s (name)
        union all
        select
            'role' as kind,
            l.role_name as value
    ) as x
),

closed as (
    update security.entitlement_history as h
    set valid_to = now()
    where
        h.valid_to > now()
        and (h.login, h.client, h.source_system, h.kind, h.value, h.privacy_level) not in (
            select f.* from in_force as f
        )
    returning h.kind
),

opened as (
    insert into security.entitlement_history
    (login, client, source_system, kind, value, privacy_level, valid_from)
    select
        f.*,
        now() as valid_from
    from in_force as f
    where (f.login, f.client, f.source_system, f.kind, f.value, f.privacy_level) not in (
        select
            h.login,
            h.client,
            h.source_system,
            h.kind,
            h.value,
            h.privacy_level
        from security.entitlement_history as h
        where h.valid_to > now()
    )
    returning kind
)

select
    (select count(*) from opened) as opened,
    (select count(*) from closed) as closed;
