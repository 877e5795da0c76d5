-- Close what is no longer in force and open what has come into force.
with in_force as (
    select
        e.login,
        l.client,
        e.source_system,
        e.specialty,
        e.privacy_level
    from security.entitlement as e
    inner join security.login as l on e.login = l.login
),

closed as (
    update security.entitlement_history as h
    set valid_to = now()
    where
        h.valid_to > now()
        and (h.login, h.client, h.source_system, h.specialty, h.privacy_level) not in (select f.* from in_force as f)
    returning h.login
),

opened as (
    insert into security.entitlement_history
    (login, client, source_system, specialty, privacy_level, valid_from)
    select
        f.*,
        now() as valid_from
    from in_force as f
    where (f.login, f.client, f.source_system, f.specialty, f.privacy_level) not in (
        select
            h.login,
            h.client,
            h.source_system,
            h.specialty,
            h.privacy_level
        from security.entitlement_history as h
        where h.valid_to > now()
    )
    returning login
)

select
    (select count(*) from opened) as opened,
    (select count(*) from closed) as closed;
